"""A gate before a store's server: it tells of every request, and may answer instead of the server."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web
from yarl import URL

_HOP = ("Connection", "Transfer-Encoding", "Date", "Server", "Content-Length", "Keep-Alive")

Answer = Callable[[web.Request], web.Response | None]


@dataclass(frozen=True)
class Call:
    """One request that came by."""

    method: str
    path: str


@asynccontextmanager
async def gate(
    behind: str, tell: Callable[[Call], object], answer: Answer = lambda _: None
) -> AsyncIterator[str]:
    """The address before `behind`; what `answer` gives is sent in place of the server's own."""
    async with ClientSession(auto_decompress=False) as http:

        async def pass_on(request: web.Request) -> web.Response:
            tell(Call(request.method, request.path))
            headers = {name: text for name, text in request.headers.items() if name != "Host"}
            address = URL(behind + request.raw_path, encoded=True)
            own = answer(request)
            if own is not None:
                return own
            # Nothing is added: what a request has is signed.
            asking: Any = {"headers": headers, "skip_auto_headers": ["Content-Type", "Accept"]}
            asking["data"] = await request.read() or None
            async with http.request(request.method, address, **asking) as told:
                body = await told.read()
                kept = {name: text for name, text in told.headers.items() if name not in _HOP}
                if request.method == "HEAD":
                    kept["Content-Length"] = told.headers.get("Content-Length", "0")
                return web.Response(status=told.status, headers=kept, body=body)

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
