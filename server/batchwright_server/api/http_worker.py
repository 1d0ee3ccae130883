"""What one of several workers answers to the process that started it, over a Unix socket.

A document comes in two steps: it is made ready, and taken into service when all workers have it ready.
"""

import asyncio

from aiohttp import web

from batchwright_server.api import http_bodies
from batchwright_server.api.http_admin import MAX_DOCUMENT_BYTES, Reports
from batchwright_server.api.http_answers import JSON, json_response
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.config.worker import Verdict
from batchwright_server.runtime.configuration import Configuration
from batchwright_server.runtime.consent import Vote


class WorkerHandlers:
    """Answers the supervisor's calls."""

    def __init__(self, configuration: Configuration, vote: Vote, reports: Reports) -> None:
        self._configuration = configuration
        self._vote = vote
        self._reports = reports
        self._sending: asyncio.Task[object] | None = None

    def routes(self) -> list[web.RouteDef]:
        """What is served where."""
        return [
            web.put("/document", self._put_document),
            web.post("/decision/{agreed:yes|no}", self._post_decision),
            web.get("/signals", self._get_signals),
            web.get("/metrics", self._get_metrics),
            web.get("/versions", self._get_versions),
            web.get("/ready", self._get_ready),
        ]

    async def _put_document(self, request: web.Request) -> web.Response:
        document = await http_bodies.read(request, MAX_DOCUMENT_BYTES)
        sending = asyncio.create_task(self._configuration.send(document), name="document")
        asked = asyncio.create_task(self._vote.asked(), name="vote")
        await asyncio.wait({sending, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not sending.done():
            self._sending = sending
            return _answer(Verdict(is_prepared=True))
        try:
            await sending
        except InvalidDocument as error:
            return _answer(Verdict(problems=tuple((each.path, each.message) for each in error.problems)))
        return _answer(Verdict())

    async def _post_decision(self, request: web.Request) -> web.Response:
        self._vote.decide(request.match_info["agreed"] == "yes")
        sending, self._sending = self._sending, None
        if sending is not None:
            await asyncio.wait({sending})
            if not sending.cancelled():
                sending.exception()  # a document given up ends with the reason
        return json_response({})

    async def _get_signals(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self._reports.signals(), content_type=JSON)

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self._reports.metrics())

    async def _get_versions(self, _request: web.Request) -> web.Response:
        return json_response(await self._reports.versions())

    async def _get_ready(self, _request: web.Request) -> web.Response:
        return json_response({"ready": self._reports.is_ready()})


def _answer(verdict: Verdict) -> web.Response:
    return web.Response(body=verdict.model_dump_json(), content_type=JSON)
