"""The tokens of those who manage the server: what the document that serves says counts."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from batchwright_server.api.auth_tokens import EXPECTED
from batchwright_server.config.admin import Admin
from batchwright_server.runtime.configuration import Configuration

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

MANAGING = frozenset({("GET", "/v1/signals"), ("PUT", "/v1/config"), ("POST", "/v1/config/reload")})

_SCHEME = "bearer"


class AdminGuard:
    """Lets through whoever has a token of the document, and everybody if it names none."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def looks_at(self, request: web.Request) -> bool:
        """Whether `request` brings a token that is looked at here, in place of a client's."""
        managing = (request.method, request.path) in MANAGING
        return managing and self._configuration.document.admin is not None

    def protect(self, handler: _Handler) -> _Handler:
        """`handler` for those alone; others get 401 before the body is read, and are told nothing."""

        async def check(request: web.Request) -> web.StreamResponse:
            authorization = request.headers.get("Authorization")
            fault = _find_fault(self._configuration.document.admin, authorization)
            if fault:
                raise web.HTTPUnauthorized(reason=fault, headers={"WWW-Authenticate": "Bearer"})
            return await handler(request)

        return check


def _find_fault(admin: Admin | None, authorization: str | None) -> str:
    if admin is None:
        return ""
    if authorization is None:
        return f"{EXPECTED}, got nothing"
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != _SCHEME:
        return f"{EXPECTED}, got another scheme"
    known = admin.is_known(token.strip().encode(errors="surrogateescape"))
    return "" if known else f"{EXPECTED}, got an unknown token"
