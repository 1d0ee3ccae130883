"""The HTTP server."""

from aiohttp import web

from batchwright_server.api.http_admin import AdminHandlers

_MAX_BODY_BYTES = 1 << 20  # nothing that is posted here has a large body


class HttpServer:
    """Serves the admin handlers over HTTP."""

    def __init__(self, handlers: AdminHandlers, host: str, port: int) -> None:
        application = web.Application(client_max_size=_MAX_BODY_BYTES)
        application.add_routes(handlers.routes())
        self._runner = web.AppRunner(application, access_log=None)
        self._host = host
        self._port = port

    async def start(self) -> int:
        """Listen; gives the port, chosen by the system where 0 was asked for. Raises OSError."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        await self._runner.cleanup()
