"""What concerns all workers, asked of any of them: passed on to their supervisor."""

import aiohttp
from aiohttp import web

from batchwright_server.api import http_bodies
from batchwright_server.api.auth_admin import MANAGING
from batchwright_server.api.http_admin import MAX_DOCUMENT_BYTES
from batchwright_server.api.http_answers import json_response

_OPEN = (("GET", "/metrics"), ("GET", "/v2/health/ready"), ("GET", "/v1/config"))
_TOLD = ("Content-Type", "WWW-Authenticate")


class Relay:
    """Passes calls on, with the token that they carry, and gives the answers back."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    def routes(self, *, managing: bool) -> list[web.RouteDef]:
        """What is passed on; `managing`: signals and changes of the configuration too."""
        paths = [*_OPEN, *sorted(MANAGING)] if managing else [*_OPEN]
        live = web.get("/v2/health/live", self._get_live)
        return [live, *(web.route(method, path, self._pass_on) for method, path in paths)]

    async def close(self) -> None:
        """Pass nothing on any more."""
        if self._session is not None:
            await self._session.close()

    async def _get_live(self, _request: web.Request) -> web.Response:
        return json_response({"live": True})

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await http_bodies.read(request, MAX_DOCUMENT_BYTES)
        token = request.headers.get("Authorization")
        headers = {"Authorization": token} if token else {}
        url = f"http://supervisor{request.path}"
        try:
            async with self._open().request(
                request.method, url, data=body or None, headers=headers
            ) as answer:
                told = {name: answer.headers[name] for name in _TOLD if name in answer.headers}
                return web.Response(status=answer.status, body=await answer.read(), headers=told)
        except aiohttp.ClientError:
            return json_response({"error": "the server is ending"}, status=503)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            waits = aiohttp.ClientTimeout(total=None)  # as long as compiling takes
            connector = aiohttp.UnixConnector(self._socket)
            self._session = aiohttp.ClientSession(connector=connector, timeout=waits)
        return self._session
