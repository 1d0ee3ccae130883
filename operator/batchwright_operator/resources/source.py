"""Where a model's files are: a persistent volume, an OCI image, a ConfigMap or an address."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, field_validator, model_validator

from batchwright_operator.resources.markers import NOT_EMPTY, Keywords, Rule, list_map
from batchwright_operator.resources.origin import Access, Uri
from batchwright_operator.resources.references import DataKey, ObjectName
from batchwright_operator.resources.strict import Strict, Text

_INNER = Rule(
    r"!self.startsWith('/') && !self.matches('(^|/)[.][.](/|$)')",
    "expected a path inside the volume: relative, without '..'",
)


def _check_path(value: str) -> str:
    if "\0" in value or value.startswith("/") or ".." in value.split("/"):
        raise ValueError(_INNER.message)
    return value.rstrip("/")


FilePath = Annotated[
    str, Field(max_length=253), AfterValidator(_check_path), _INNER, Keywords((("minLength", 1),))
]
InnerPath = Annotated[str, Field(max_length=1024), AfterValidator(_check_path), _INNER]


class PullPolicy(StrEnum):
    """When an image is pulled."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class PvcSource(Strict):
    """A directory of numbered versions on a persistent volume."""

    claim_name: ObjectName
    """A PersistentVolumeClaim in the same namespace."""
    path: InnerPath = ""
    """The directory that has a directory for each version. Absent: the volume's root."""


class ImageSource(Strict):
    """A directory of numbered versions in an OCI image (mounted as an image volume)."""

    reference: Text
    """The image or artifact, such as registry.example.com/models/resnet:3."""
    pull_policy: PullPolicy | None = None
    """When the image is pulled. Absent: Always for the tag latest, else IfNotPresent."""
    path: InnerPath = ""
    """The directory that has a directory for each version. Absent: the image's root."""


class ConfigMapItem(Strict):
    """One key of a ConfigMap as a file."""

    key: DataKey
    """The key."""
    path: FilePath
    """The file it becomes, with its version's directory, such as 1/model.xml."""

    @field_validator("path")
    @classmethod
    def _check_not_empty(cls, value: str) -> str:
        if not value:
            raise ValueError("expected a file's path, such as 1/model.xml")
        return value


class ConfigMapSource(Strict):
    """A small model, its files in a ConfigMap (which holds at most 1 MiB)."""

    name: ObjectName
    """A ConfigMap in the same namespace."""
    items: Annotated[tuple[ConfigMapItem, ...], Field(max_length=64), NOT_EMPTY, list_map("path")]
    """Which keys become which files; keys have no directories, so each file's version is said here."""

    @field_validator("items")
    @classmethod
    def _check_items(cls, value: tuple[ConfigMapItem, ...]) -> tuple[ConfigMapItem, ...]:
        if not value:
            raise ValueError("expected at least one item")
        paths = [item.path for item in value]
        twice = sorted({path for path in paths if paths.count(path) > 1})
        if twice:
            raise ValueError(f"each path once; given more than once: {', '.join(twice)}")
        return value


class Source(Strict):
    """Where the model's files are: exactly one place."""

    rules: ClassVar = (
        Rule(
            "[has(self.pvc), has(self.image), has(self.configMap), has(self.uri)]"
            ".exists_one(given, given)",
            "expected exactly one source of pvc, image, configMap and uri",
        ),
        Rule(
            "!has(self.access) || has(self.uri)",
            "access says how a uri is reached; expected one, or no access",
        ),
        Rule(
            "!has(self.access) || !has(self.uri) || self.uri.startsWith('s3://')"
            " || (!has(self.access.region)"
            " && (!has(self.access.endpoint) || self.uri.matches('^(gs|az|abfss?)://')))",
            "expected access.region with s3:// only, and access.endpoint with s3://, gs://, az:// and abfs://",
        ),
    )

    pvc: PvcSource | None = None
    """A persistent volume."""
    image: ImageSource | None = None
    """An OCI image."""
    config_map: ConfigMapSource | None = None
    """A ConfigMap, for small models."""
    uri: Uri | None = None
    """An address that the files are fetched from before the server starts: s3://, gs://, az://,
    abfs://, https:// or file://. A folder of numbered versions, one model's files, or an archive."""
    access: Access | None = None
    """How the address is reached. Absent: as the cloud's own, by the rights that the pod has there."""

    @model_validator(mode="after")
    def _check_one(self) -> "Source":
        if [self.pvc, self.image, self.config_map, self.uri].count(None) != 3:
            raise ValueError(self.rules[0].message)
        if self.access is not None and self.uri is None:
            raise ValueError(self.rules[1].message)
        return self

    @model_validator(mode="after")
    def _check_access(self) -> "Source":
        if self.access is None or self.uri is None or self.uri.startswith("s3://"):
            return self
        is_store = self.uri.startswith(("gs://", "az://", "abfs://", "abfss://"))
        is_at_endpoint = self.access.endpoint is not None and not is_store
        if self.access.region is not None or is_at_endpoint:
            raise ValueError(self.rules[2].message)
        return self

    @property
    def path(self) -> str:
        """The directory of versions inside of what is mounted; empty: its root."""
        return next((place.path for place in (self.pvc, self.image) if place is not None), "")

    @property
    def claim(self) -> PvcSource:
        """The persistent volume and the path on it. Raises ValueError if the model is elsewhere."""
        if self.pvc is None:
            raise ValueError("the model is not on a persistent volume")
        return self.pvc
