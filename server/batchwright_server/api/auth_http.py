"""The tokens and certificates of HTTP calls."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web
from aiohttp.typedefs import Middleware

from batchwright_server.api.auth_admin import AdminGuard
from batchwright_server.api.auth_tokens import Tokens
from batchwright_server.api.protection import Protection
from batchwright_server.api.tls import Certificates

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_OPEN = frozenset({"/v2/health/live", "/v2/health/ready"})
_NO_CERTIFICATE = "expected a client certificate, got none"


def make_guard(protection: Protection, admin: AdminGuard | None = None) -> Middleware:
    """Refuses, before the body is read, what may not pass; health checks may, so that probes can ask.

    Those who manage the server bring tokens of their own, which `admin` looks at.
    """

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        is_open = request.path in _OPEN
        tokens = None if admin and admin.looks_at(request) else protection.tokens
        fault = "" if is_open else _find_fault(protection.certificates, tokens, request)
        if fault:
            raise web.HTTPUnauthorized(reason=fault, headers={"WWW-Authenticate": "Bearer"})
        return await handler(request)

    return guard


def _find_fault(certificates: Certificates | None, tokens: Tokens | None, request: web.Request) -> str:
    if certificates and certificates.wants_clients and not request.get_extra_info("peercert"):
        return _NO_CERTIFICATE
    return tokens.find_fault(request.headers.get("Authorization")) if tokens else ""
