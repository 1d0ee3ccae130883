"""One model of a ModelServer: where it comes from and how it is served."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from batchwright_operator.resources.batching import Batching
from batchwright_operator.resources.strict import Positive, Strict, Text, Unavailable
from batchwright_operator.resources.versions import DEFAULT_POLICY, VersionPolicy
from batchwright_server.config import layouts, shapes

ModelName = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
ClaimName = Annotated[str, Field(max_length=253, pattern=rf"^{_LABEL}(\.{_LABEL})*$")]


def _check_shape(value: str) -> str:
    shapes.parse_shapes(value)
    return value


def _check_layout(value: str) -> str:
    layouts.parse_layouts(value)
    return value


def _check_plugin_value(value: object) -> object:
    if not isinstance(value, str | bool | int):
        raise ValueError("expected a text, an integer, true or false")  # noqa: TRY004  pydantic's way
    return value


# Checked as a whole: of a union pydantic would tell a fault for each member.
PluginValue = Annotated[str | bool | int, BeforeValidator(_check_plugin_value)]


class PvcSource(Strict):
    """A directory of numbered versions on a persistent volume; no path: the volume's root."""

    claim_name: ClaimName
    path: Annotated[str, Field(max_length=1024)] = ""

    @field_validator("path")
    @classmethod
    def _check_path(cls, value: str) -> str:
        if "\0" in value or value.startswith("/") or ".." in value.split("/"):
            raise ValueError("expected a path inside the volume: relative, without '..'")
        return value.rstrip("/")


class Source(Strict):
    """Where the model's files are: exactly one place."""

    pvc: PvcSource | None = None
    image: Unavailable = None
    uri: Unavailable = None
    config_map: Unavailable = None

    @model_validator(mode="after")
    def _check_one(self) -> "Source":
        if self.pvc is None:
            raise ValueError("expected exactly one source: pvc {claimName, path}")
        return self

    @property
    def claim(self) -> PvcSource:
        """The volume and the path on it."""
        if self.pvc is None:  # the validator above refuses this
            raise ValueError("no source")
        return self.pvc


class Model(Strict):
    """One model."""

    name: ModelName
    source: Source
    batching: Batching = Batching()
    device: Text = "CPU"
    infer_requests: Positive | None = None  # None: OpenVINO's optimum
    plugin_config: dict[str, PluginValue] = Field(default={})
    version_policy: VersionPolicy = DEFAULT_POLICY
    # One text, or a JSON object of texts by input: a schema of a cluster knows no "text or object".
    layout: Annotated[Text, AfterValidator(_check_layout)] | None = None
    shape: Annotated[Text, AfterValidator(_check_shape)] | None = None
    mappings: Unavailable = None
