"""The operator's HTTP side: probes and metrics."""

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

# Each gives what is wrong, "" for nothing.
Check = Callable[[], str]


class HealthServer:
    """Answers `/healthz`, `/readyz` and `/metrics`. `port` 0 is any that is free."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        live: Iterable[Check],
        ready: Iterable[Check],
        metrics: Callable[[], bytes],
    ) -> None:
        self._address = address
        self._metrics = metrics
        app = web.Application()
        app.router.add_get("/healthz", _probe(tuple(live)))
        app.router.add_get("/readyz", _probe(tuple(ready)))
        app.router.add_get("/metrics", self._expose)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)

    async def start(self) -> int:
        """Listen; the port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._address).start()
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _expose(self, _: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=self._metrics(), headers=headers)


def _probe(checks: tuple[Check, ...]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        wrong = [said for check in checks if (said := check())]
        return web.Response(text="; ".join(wrong) or "ok", status=503 if wrong else 200)

    return answer
