"""The page's HTTP side: the page, and a stream of boards for those that look at it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from batchwright_operator.local.page import markup
from batchwright_operator.local.page.address import PageAddress
from batchwright_operator.local.page.ledger import Ledger
from batchwright_operator.local.page.sheets import Sheet

_HERE = Path(__file__).parent
_QUIET_SECONDS = 10.0  # a comment then tells a client that went away from one that is there
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Shows what is in `ledger`, anew whenever `refresh` is called. `clock` gives Unix time."""

    def __init__(
        self, ledger: Ledger, address: PageAddress, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._address = address
        self._clock = clock
        self._changed = asyncio.Event()
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._page)
        app.router.add_get("/events", self._events)
        app.router.add_get("/page.css", _file("page.css", "text/css"))
        app.router.add_get("/page.js", _file("page.js", "text/javascript"))
        # Whoever looks never leaves by himself, and is not to be waited for.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start(self) -> str:
        """Listen; the address to open. Raises OSError."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address.host, self._address.port).start()
        return self._address.url(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    def refresh(self) -> None:
        """Send a new board to everyone."""
        self._changed.set()
        self._changed = asyncio.Event()

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """No page of another site may read this one by a name that it points here."""
        if not self._address.admits(request.host):
            return web.Response(status=403, text="open this page by the address it listens at\n")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=markup.render_page(self._sheet()), content_type="text/html")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        with suppress(ConnectionError):  # whoever looked has closed the page
            await response.prepare(request)
            while True:
                changed = self._changed
                await response.write(f"data: {markup.render_board(self._sheet())}\n\n".encode())
                await self._until(changed, response)
        return response

    async def _until(self, changed: asyncio.Event, response: web.StreamResponse) -> None:
        """Return at the next change; the connection ends the request when it is gone."""
        while True:
            try:
                async with asyncio.timeout(_QUIET_SECONDS):
                    await changed.wait()
            except TimeoutError:
                await response.write(b": still here\n\n")
            else:
                return

    def _sheet(self) -> Sheet:
        return self._ledger.sheet(self._clock())


def _file(name: str, kind: str) -> _Handler:
    text = (_HERE / name).read_text("utf-8")

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind)

    return answer
