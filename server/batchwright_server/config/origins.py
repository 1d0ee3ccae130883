"""Addresses of models that are on no volume: in an object store, at a server, in a folder."""

import re
from dataclasses import dataclass
from enum import StrEnum

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")
MODEL_FILES = (".xml", ".onnx", ".pdmodel", ".pb", ".tflite")
EXPECTED = (
    "expected s3://bucket/path, gs://bucket/path, az://container/path, "
    "abfs://container@account.dfs.core.windows.net/path, https://host/file or file:///path"
)
EXPECTED_FILE = (
    f"expected https:// to name one file: an archive or a model ({', '.join(ARCHIVES + MODEL_FILES)})"
)
EXPECTED_INSIDE = "expected a path without '..'"

# Regular expressions that Python and CEL read alike.
GRAMMAR = (
    r"^((s3|gs|az)://[^/?#@\s]+(/[^?#\s]*)?"
    r"|abfss?://[^/?#@\s]+(@[^/?#@\s]+)?(/[^?#\s]*)?"
    r"|https://[^/?#@\s]+/[^?#\s]+([?][^#\s]*)?"
    r"|file:///[^?#\s]+)$"
)
_NAMES = "|".join(name.removeprefix(".").replace(".", "[.]") for name in ARCHIVES + MODEL_FILES)
NAMES_A_FILE = rf"^([^h].*|https://[^?]*[.]({_NAMES})([?].*)?)$"
LEADS_OUT = r"(^|/)[.][.](/|[?]|$)"


class Scheme(StrEnum):
    """How an address begins."""

    S3 = "s3"
    GS = "gs"
    AZ = "az"
    ABFS = "abfs"
    ABFSS = "abfss"
    HTTPS = "https"
    FILE = "file"


@dataclass(frozen=True)
class Origin:
    """An address in its parts; `query` may be a secret (a signed address) and is never shown."""

    scheme: Scheme
    location: str  # what follows `://`, up to the query
    query: str = ""

    def __str__(self) -> str:
        hidden = "?…" if self.query else ""
        return f"{self.scheme}://{self.location}{hidden}"

    def __repr__(self) -> str:
        return f"Origin({self})"

    @property
    def address(self) -> str:
        """The whole address, its query too."""
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.location}{query}"

    @property
    def name(self) -> str:
        """The last part of its path; empty where it ends with a slash."""
        return self.location.rpartition("/")[2]

    @property
    def is_archive(self) -> bool:
        """Whether it names an archive, by its suffix."""
        return self.name.lower().endswith(ARCHIVES)

    @property
    def is_model_file(self) -> bool:
        """Whether it names a model that is one file, by its suffix."""
        return self.name.lower().endswith(MODEL_FILES)


def parse_origin(text: str) -> Origin:
    """The parts of an address. Raises ValueError saying what was expected, and not what came."""
    if not re.search(GRAMMAR, text):
        raise ValueError(EXPECTED)
    if re.search(LEADS_OUT, text):
        raise ValueError(EXPECTED_INSIDE)
    if not re.search(NAMES_A_FILE, text):
        raise ValueError(EXPECTED_FILE)
    scheme, _, rest = text.partition("://")
    location, _, query = rest.partition("?")
    return Origin(Scheme(scheme), location, query)
