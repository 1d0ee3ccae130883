"""Fake pods behind HTTP: one process speaks a server's admin protocol for any number of pods."""

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

from batchwright_operator.pods.client import Configured, Outcome
from tests.support.fake_pods import FakePod

_BEARER = "Bearer "
_LOOK_SECONDS = 0.01


class ServedPods:
    """Each pod listens on an address of its own. To be used as an async context manager."""

    def __init__(self) -> None:
        self._pods: dict[tuple[str, int], FakePod] = {}
        self._sites: dict[tuple[str, int], web.TCPSite] = {}
        app = web.Application(client_max_size=2**20)
        app.router.add_get("/v1/signals", self._signals)
        app.router.add_put("/v1/config", self._configure)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    async def serve(self, host: str, port: int, pod: FakePod) -> None:
        """Let `pod` answer there from now on."""
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self._pods[host, port], self._sites[host, port] = pod, site

    async def end(self, host: str, port: int) -> None:
        """Let nobody answer there any more."""
        del self._pods[host, port]
        await self._sites.pop((host, port)).stop()

    async def _signals(self, request: web.Request) -> web.Response:
        pod = self._find(request)
        if pod is None:
            return _unauthorized()
        return web.Response(body=pod.to_signals().model_dump_json(), content_type="application/json")

    async def _configure(self, request: web.Request) -> web.Response:
        pod = self._find(request)
        if pod is None:
            return _unauthorized()
        document = await request.read()
        answer = pod.take(document)
        if answer.outcome is Outcome.PENDING:
            while pod.pending is not None:
                await asyncio.sleep(_LOOK_SECONDS)
            answer = Configured(Outcome.APPLIED, hash=pod.hash)
        status = 400 if answer.outcome is Outcome.REFUSED else 200
        return web.json_response({"hash": answer.hash, "error": answer.error}, status=status)

    def _find(self, request: web.Request) -> FakePod | None:
        """The pod that is asked, if it admits who asks."""
        assert request.transport is not None
        pod = self._pods[request.transport.get_extra_info("sockname")[:2]]
        token = request.headers.get("Authorization", "").removeprefix(_BEARER)
        return pod if pod.admits((token,) if token else ()) else None


def _unauthorized() -> web.Response:
    return web.json_response({"error": "a token is needed"}, status=401)
