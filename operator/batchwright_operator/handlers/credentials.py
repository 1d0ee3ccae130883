"""How the watch reaches the API server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
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


def make_session(credentials: Credentials, listed: Callable[[str], None]) -> kopf.AiohttpSession:
    """A session for kopf; `listed` is given the plural of each kind whose objects it has listed.

    kopf does not tell that it begins a watch anew, and what was removed meanwhile it never hears of.
    """

    async def note(_: object, __: SimpleNamespace, ended: aiohttp.TraceRequestEndParams) -> None:
        if "limit" in ended.url.query:  # neither watches nor discovery have one
            listed(ended.url.name)

    tracing = aiohttp.TraceConfig()
    tracing.on_request_end.append(note)
    info = to_connection_info(credentials)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context()),
        headers=info.as_http_headers() | {"User-Agent": "batchwright-watch"},
        trace_configs=[tracing],
    )
    return kopf.AiohttpSession(server=credentials.server, aiohttp_session=session)
