"""`grpc.health.v1`: for the server (no name), for each gRPC service, and for each model by its name."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from batchwright_server import errors
from batchwright_server.api.backend import Backend
from batchwright_server.runtime.servable import State

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

_WATCH_SECONDS = 0.5  # how old an answer to Watch may be
_STATUS = health_pb2.HealthCheckResponse.ServingStatus


class HealthService(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # publishes no types
    """Answers from what is true now; nothing has to be set."""

    def __init__(self, backend: Backend, services: Collection[str]) -> None:
        self._backend = backend
        self._services = ("", *services)
        self._ending = asyncio.Event()

    async def Check(  # noqa: N802  the wire's name
        self, request: health_pb2.HealthCheckRequest, context: _Context
    ) -> health_pb2.HealthCheckResponse:
        """SERVING or NOT_SERVING; NOT_FOUND for a name that nobody knows."""
        status = self._find(request.service)
        if status == _STATUS.SERVICE_UNKNOWN:
            known = f"no service and no model is named {request.service!r}"
            await context.abort(grpc.StatusCode.NOT_FOUND, known)
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802  the wire's name
        self, request: health_pb2.HealthCheckRequest, _context: _Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The status now and at each change; SERVICE_UNKNOWN for a name that nobody knows yet."""
        told: object = None
        while True:
            status = self._find(request.service)
            if status != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            if self._ending.is_set():
                return
            try:
                await asyncio.wait_for(self._ending.wait(), _WATCH_SECONDS)
            except TimeoutError:
                continue

    def end(self) -> None:
        """Let those who watch know, and go."""
        self._ending.set()

    def _find(self, name: str) -> Any:
        if name not in self._services and not self._is_known(name):
            return _STATUS.SERVICE_UNKNOWN
        serves = self._backend.is_ready() and (name in self._services or self._serves(name))
        return _STATUS.SERVING if serves else _STATUS.NOT_SERVING

    def _is_known(self, model: str) -> bool:
        try:
            self._backend.dataplane.report_status(model)
        except errors.ModelNotFound:
            return False
        return True

    def _serves(self, model: str) -> bool:
        versions = self._backend.dataplane.report_status(model)
        return any(version.state is State.AVAILABLE for version in versions)
