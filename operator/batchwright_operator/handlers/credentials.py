"""How the watch reaches the API server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import kopf


@dataclass(frozen=True)
class Credentials:
    """An address and what is shown there; paths are of PEM files. `authorization` is the header."""

    server: str
    authorization: str = ""
    ca_path: str | None = None
    certificate_path: str | None = None
    key_path: str | None = None
    is_verified: bool = True


# Asked at the start, and again each time the API server refuses what it gave.
Login = Callable[[], Awaitable[Credentials]]


def to_connection_info(credentials: Credentials) -> kopf.ConnectionInfo:
    """The same in kopf's words."""
    scheme, _, token = credentials.authorization.partition(" ")
    return kopf.ConnectionInfo(
        server=credentials.server,
        ca_path=credentials.ca_path,
        insecure=not credentials.is_verified,
        scheme=scheme or None,
        token=token or None,
        certificate_path=credentials.certificate_path,
        private_key_path=credentials.key_path,
    )
