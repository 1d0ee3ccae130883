"""The HTTP server."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from batchwright_server.api.calls import Edge
from batchwright_server.api.http_answers import calls_over
from batchwright_server.api.limits import HANDSHAKE_SECONDS, Limits


@dataclass(frozen=True)
class HttpAddress:
    """Where to listen, by whom to be called, and how much of it there may be."""

    hosts: tuple[str, ...]
    port: int
    limits: Limits
    tls: Callable[[], ssl.SSLContext] | None = None  # None: clear text
    guards: tuple[Middleware, ...] = ()
    outermost: tuple[Middleware, ...] = ()  # around everything, failures and their answers too
    shutdown_seconds: float = 60.0  # for what runs when the server is told to end
    is_shared: bool = False  # with other processes of the same server
    socket: str = ""  # path of a Unix socket, in place of hosts and port

    def __str__(self) -> str:
        return self.socket or f"{', '.join(self.hosts)}, port {self.port}"


class _Refused(asyncio.Protocol):
    """A connection too many: closed before anything is read of it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class HttpServer:
    """Serves routes over HTTP; a handler whose client goes away is cancelled."""

    def __init__(self, routes: Iterable[web.RouteDef], edge: Edge, address: HttpAddress) -> None:
        self._address = address
        application = web.Application(
            middlewares=[*address.outermost, calls_over(edge), *address.guards],
            client_max_size=address.limits.max_message_bytes,
        )
        application.add_routes(routes)
        idle = address.limits.max_connection_idle_seconds
        options: dict[str, Any] = {"keepalive_timeout": idle} if idle else {}
        options["shutdown_timeout"] = address.shutdown_seconds
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True, **options)
        self._listener: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; gives the port, chosen by the system where 0 was asked for. Raises OSError."""
        tls = self._address.tls() if self._address.tls else None
        await self._runner.setup()
        if self._address.socket:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_unix_server(self._accept, self._address.socket)
            return 0
        self._listener = await asyncio.get_running_loop().create_server(
            self._accept,
            self._address.hosts,
            self._address.port,
            ssl=tls,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if tls else None,
            reuse_port=self._address.is_shared or None,
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
