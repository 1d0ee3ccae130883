"""The HTTP server."""

from collections.abc import Iterable

from aiohttp import web

from batchwright_server.api.http_answers import tell_failures


class HttpServer:
    """Serves routes over HTTP; a handler whose client goes away is cancelled."""

    def __init__(self, routes: Iterable[web.RouteDef], host: str, port: int) -> None:
        application = web.Application(middlewares=[tell_failures])
        application.add_routes(routes)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=True)
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
