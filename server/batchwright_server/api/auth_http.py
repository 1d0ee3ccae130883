"""The tokens and certificates of HTTP calls."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web
from aiohttp.typedefs import Middleware

from batchwright_server.api.protection import Protection

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_OPEN = frozenset({"/v2/health/live", "/v2/health/ready"})
_NO_CERTIFICATE = "expected a client certificate, got none"


def make_guard(protection: Protection) -> Middleware:
    """Refuses, before the body is read, what may not pass; health checks may, so that probes can ask."""

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        fault = "" if request.path in _OPEN else _find_fault(protection, request)
        if fault:
            raise web.HTTPUnauthorized(reason=fault, headers={"WWW-Authenticate": "Bearer"})
        return await handler(request)

    return guard


def _find_fault(protection: Protection, request: web.Request) -> str:
    certificates, tokens = protection.certificates, protection.tokens
    if certificates and certificates.wants_clients and not request.get_extra_info("peercert"):
        return _NO_CERTIFICATE
    return tokens.find_fault(request.headers.get("Authorization")) if tokens else ""
