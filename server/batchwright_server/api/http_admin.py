"""The HTTP side: metrics, signals, health, and the configuration in force."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from batchwright_server.api import tfs_documents
from batchwright_server.api.http_answers import JSON, json_response
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.runtime.configuration import Configuration, ReloadResult
from batchwright_server.runtime.dataplane import DataPlane


@dataclass(frozen=True)
class Reports:
    """What is shown: bodies rendered at each request, and whether requests are welcome."""

    metrics: Callable[[], bytes]
    metrics_type: str
    signals: Callable[[], bytes]
    is_ready: Callable[[], bool]


class AdminHandlers:
    """Answers the HTTP calls."""

    def __init__(self, dataplane: DataPlane, configuration: Configuration, reports: Reports) -> None:
        self._dataplane = dataplane
        self._configuration = configuration
        self._reports = reports

    def routes(self) -> list[web.RouteDef]:
        """What is served where."""
        return [
            web.get("/metrics", self._get_metrics),
            web.get("/v1/signals", self._get_signals),
            web.get("/v1/config", self._get_config),
            web.post("/v1/config/reload", self._post_reload),
            web.get("/v2/health/live", self._get_live),
            web.get("/v2/health/ready", self._get_ready),
        ]

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=self._reports.metrics(), headers={"Content-Type": self._reports.metrics_type}
        )

    async def _get_signals(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._reports.signals(), content_type=JSON)

    async def _get_config(self, _request: web.Request) -> web.Response:
        return json_response(self._describe_config())

    async def _post_reload(self, _request: web.Request) -> web.Response:
        try:
            # A client that goes away leaves no half of a configuration.
            result = await asyncio.shield(self._configuration.reload())
        except InvalidDocument as error:
            return json_response({"error": str(error)}, status=400)
        applied = result is ReloadResult.APPLIED
        return json_response(self._describe_config(), status=201 if applied else 200)

    async def _get_live(self, _request: web.Request) -> web.Response:
        return json_response({"live": True})

    async def _get_ready(self, _request: web.Request) -> web.Response:
        ready = self._reports.is_ready()
        return json_response({"ready": ready}, status=200 if ready else 503)

    def _describe_config(self) -> dict[str, object]:
        versions = self._dataplane.report_all()
        return {name: tfs_documents.describe_status(found) for name, found in versions.items()}
