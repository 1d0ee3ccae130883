"""The HTTP server."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from batchwright_server.api.auth_http import make_guard
from batchwright_server.api.calls import Edge
from batchwright_server.api.http_answers import calls_over
from batchwright_server.api.limits import HANDSHAKE_SECONDS, Limits
from batchwright_server.api.protection import Protection


@dataclass(frozen=True)
class HttpAddress:
    """Where to listen, by whom to be called, and how much of it there may be."""

    host: str
    port: int
    protection: Protection
    limits: Limits


class _Refused(asyncio.Protocol):
    """A connection too many: closed before anything is read of it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class HttpServer:
    """Serves routes over HTTP; a handler whose client goes away is cancelled."""

    def __init__(self, routes: Iterable[web.RouteDef], edge: Edge, address: HttpAddress) -> None:
        self._address = address
        application = web.Application(
            middlewares=[calls_over(edge), make_guard(address.protection)],
            client_max_size=address.limits.max_message_bytes,
        )
        application.add_routes(routes)
        idle = address.limits.max_connection_idle_seconds
        options: dict[str, Any] = {"keepalive_timeout": idle} if idle else {}
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, **options)
        self._listener: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; gives the port, chosen by the system where 0 was asked for. Raises OSError."""
        certificates = self._address.protection.certificates
        tls = certificates.to_context() if certificates else None
        await self._runner.setup()
        self._listener = await asyncio.get_running_loop().create_server(
            self._accept,
            self._address.host,
            self._address.port,
            ssl=tls,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if tls else None,
        )
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        if self._listener:
            self._listener.close()
        await self._runner.cleanup()

    def _accept(self) -> asyncio.Protocol:
        server, most = self._runner.server, self._address.limits.max_connections
        if server is None or (most and len(server.connections) >= most):
            return _Refused()
        return server()
