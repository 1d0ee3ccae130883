"""Stores behind one interface, fsspec's: object stores, HTTPS servers, folders of this machine."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, cast

import aiohttp
import fsspec

from batchwright_server.config.origins import Origin, Scheme
from batchwright_server.sources.faults import FetchFailed

BLOCK_BYTES = 8 << 20  # read at once
_CONNECT_SECONDS = 10
_METADATA_CONNECT_SECONDS = 3  # a metadata service is near, or is not there and packets to it are lost
_READ_SECONDS = 60
_TAGS = ("e_tag", "ETag", "Content-MD5", "Last-Modified", "last_modified", "mtime")
_AUTHORIZATION = "HTTPS_AUTHORIZATION"
_AUTHORITY = "AZURE_AUTHORITY_HOST"
_GIVEN = re.compile(r"^(AWS|GOOGLE|AZURE)_.*(KEY|SAS|TOKEN|SECRET|CREDENTIALS|SERVICE_ACCOUNT)")
# Tried again at once, below the attempts that are logged.
_RETRIES: Mapping[str, object] = {
    "max_retries": 1,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {
        "init_backoff": timedelta(milliseconds=200),
        "max_backoff": timedelta(seconds=2),
        "base": 2,
    },
}


@dataclass(frozen=True)
class Access:
    """How a store is spoken to; credentials are in variables of the environment."""

    endpoint: str = ""
    region: str = ""
    is_anonymous: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True)
class Info:
    """What a store tells of a name. `path` is how it is asked for."""

    path: str
    is_folder: bool
    size: int | None
    tag: str


class Store:
    """One store; its methods raise whatever its library does (`faults.translate` knows)."""

    def __init__(self, origin: Origin, access: Access, environ: Mapping[str, str]) -> None:
        self._origin = origin
        self._files = _open(origin, access, environ)

    @property
    def root(self) -> str:
        """The origin's own path, as the store is asked for it."""
        if self._origin.scheme is Scheme.HTTPS:
            return self._origin.address
        return self._origin.location.rstrip("/") or "/"

    def beside(self, name: str) -> str:
        """The path of a file that lies beside the origin's own."""
        if self._origin.scheme is not Scheme.HTTPS:
            return self.root.rpartition("/")[0] + "/" + name
        location = self._origin.location.rpartition("/")[0]
        return Origin(self._origin.scheme, f"{location}/{name}", self._origin.query).address

    def look(self, path: str) -> Info:
        """What is at a path. Raises FileNotFoundError."""
        return _to_info(self._files.info(path), path)

    def list(self, path: str) -> list[Info]:
        """What is in a folder, without the folder itself."""
        found = (_to_info(item, "") for item in self._files.ls(path, detail=True))
        return [item for item in found if item.path.strip("/") != path.strip("/")]

    def read(self, path: str) -> IO[bytes]:
        """The content of a file, to be read from its beginning to its end."""
        if self._origin.scheme in (Scheme.FILE, Scheme.HTTPS):
            # Without a size, a server is asked once, and not for block after block.
            return cast("IO[bytes]", self._files.open(path, "rb", block_size=0))
        return cast("IO[bytes]", self._files.open(path, "rb", buffer_size=BLOCK_BYTES))


def _open(origin: Origin, access: Access, environ: Mapping[str, str]) -> Any:
    if origin.scheme is Scheme.FILE:
        return fsspec.filesystem("file", skip_instance_cache=True)
    if origin.scheme is Scheme.HTTPS:
        return _open_https(access, environ)
    try:
        from obstore import fsspec as obstores  # noqa: PLC0415  an extra
    except ImportError as error:
        raise FetchFailed("object stores are not read here: install batchwright[sources]") from error
    connect: Any = obstores.FsspecStore  # its overloads know no scheme that is a variable
    return connect(
        str(origin.scheme),
        config=_config(origin.scheme, access, environ),
        client_options=_client_options(access, _connect_seconds(access, environ)),
        retry_config=_RETRIES,
        skip_instance_cache=True,
    )


def _open_https(access: Access, environ: Mapping[str, str]) -> Any:
    headers = {"Accept-Encoding": "identity"}
    if _AUTHORIZATION in environ and not access.is_anonymous:
        headers["Authorization"] = environ[_AUTHORIZATION]
    # As long as bytes keep coming, a download may take its time.
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS)
    client = {"headers": headers, "trust_env": True, "timeout": timeout}
    options: dict[str, Any] = {"client_kwargs": client}
    if access.ca_file is not None:
        context = ssl.create_default_context()
        context.load_verify_locations(access.ca_file)
        options["ssl"] = context
    return fsspec.filesystem("https", skip_instance_cache=True, **options)


def _config(scheme: Scheme, access: Access, environ: Mapping[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if scheme in (Scheme.AZ, Scheme.ABFS, Scheme.ABFSS) and _AUTHORITY in environ:
        # AKS sets it with a slash at its end, to which the library adds another.
        config["authority_host"] = environ[_AUTHORITY].rstrip("/")
    if access.is_anonymous:
        config["skip_signature"] = True
    if access.region:
        config["region"] = access.region
    if access.endpoint:
        config["base_url" if scheme is Scheme.GS else "endpoint"] = access.endpoint.rstrip("/")
        if scheme is Scheme.S3:  # servers of one's own know their buckets by path, not by host name
            config["virtual_hosted_style_request"] = False
    return config


def _connect_seconds(access: Access, environ: Mapping[str, str]) -> int:
    """How long a connection may take; less where a metadata service is what is asked first."""
    is_given = access.is_anonymous or any(_GIVEN.search(name) for name in environ)
    return _CONNECT_SECONDS if is_given else _METADATA_CONNECT_SECONDS


def _client_options(access: Access, connect_seconds: int) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": timedelta(seconds=connect_seconds),
        "read_timeout": timedelta(seconds=_READ_SECONDS),
        "timeout": timedelta(hours=1),  # of one request, however slow: a stalled one ends by the above
        "allow_http": access.endpoint.startswith("http://"),
    }
    if access.ca_file is not None:
        options["root_certificate"] = access.ca_file.read_bytes()
    return options


def _to_info(told: Mapping[str, Any], path: str) -> Info:
    size = told.get("size")
    tags = (str(told[key]).strip('"') for key in _TAGS if told.get(key) not in (None, ""))
    return Info(
        path=path or str(told["name"]),
        is_folder=told.get("type") == "directory",
        size=int(size) if size is not None else None,
        tag=next(tags, ""),
    )
