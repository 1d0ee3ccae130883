"""Metrics, health, signals, and the configuration: shown, sent, read again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from batchwright_server.api import http_bodies
from batchwright_server.api.auth_admin import AdminGuard
from batchwright_server.api.http_answers import JSON, json_response
from batchwright_server.api.json_fields import Json
from batchwright_server.api.limits import Limits
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.config.signals import describe_refusal
from batchwright_server.runtime.configuration import Configuration, ReloadResult

MAX_DOCUMENT_BYTES = 1 << 20  # as much as a ConfigMap holds
_BODY_SECONDS = 10  # until a document must have come
# Few ask there. A silent connection outlives the longest pause between two looks of an operator.
ADMIN_LIMITS = Limits(
    max_message_bytes=MAX_DOCUMENT_BYTES, max_connections=256, max_connection_idle_seconds=120
)

_STATUS = {ReloadResult.APPLIED: 201, ReloadResult.UNCHANGED: 200}


@dataclass(frozen=True)
class Reports:
    """What is shown: bodies rendered at each request, and whether requests are welcome."""

    metrics: Callable[[], Awaitable[bytes]]
    metrics_type: str
    signals: Callable[[], Awaitable[bytes]]
    versions: Callable[[], Awaitable[Json]]  # the states of every model's
    is_ready: Callable[[], bool]


class AdminHandlers:
    """Answers the HTTP calls."""

    def __init__(self, configuration: Configuration, reports: Reports) -> None:
        self._configuration = configuration
        self._reports = reports

    def client_routes(self) -> list[web.RouteDef]:
        """What everybody may look at."""
        return [*self._open_routes(), web.get("/v1/config", self._get_config)]

    def managing_routes(self, guard: AdminGuard) -> list[web.RouteDef]:
        """What is for those whom `guard` lets through."""
        return [
            web.get("/v1/signals", guard.protect(self._get_signals)),
            web.put("/v1/config", guard.protect(self._put_config)),
            web.post("/v1/config/reload", guard.protect(self._post_reload)),
        ]

    def admin_routes(self, guard: AdminGuard) -> list[web.RouteDef]:
        """What a port of its own has: open are health and metrics alone."""
        return [
            *self._open_routes(),
            web.get("/v1/config", guard.protect(self._get_config)),
            *self.managing_routes(guard),
        ]

    def _open_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/metrics", self._get_metrics),
            web.get("/v2/health/live", self._get_live),
            web.get("/v2/health/ready", self._get_ready),
        ]

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=await self._reports.metrics(), headers={"Content-Type": self._reports.metrics_type}
        )

    async def _get_signals(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self._reports.signals(), content_type=JSON)

    async def _get_config(self, _request: web.Request) -> web.Response:
        return json_response(await self._reports.versions())

    async def _put_config(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                document = await http_bodies.read(request, MAX_DOCUMENT_BYTES)
        except TimeoutError as error:
            raise web.HTTPRequestTimeout from error
        try:
            result = await self._configuration.send(document)
        except InvalidDocument as error:
            return self._answer_sent(400, describe_refusal(error))
        return self._answer_sent(_STATUS[result])

    def _answer_sent(self, status: int, error: str = "") -> web.Response:
        return json_response({"hash": self._configuration.state.hash, "error": error}, status)

    async def _post_reload(self, _request: web.Request) -> web.Response:
        try:
            # A client that goes away leaves no half of a configuration.
            result = await asyncio.shield(self._configuration.reload())
        except InvalidDocument as error:
            return json_response({"error": describe_refusal(error)}, status=400)
        return json_response(await self._reports.versions(), _STATUS[result])

    async def _get_live(self, _request: web.Request) -> web.Response:
        return json_response({"live": True})

    async def _get_ready(self, _request: web.Request) -> web.Response:
        ready = self._reports.is_ready()
        return json_response({"ready": ready}, status=200 if ready else 503)
