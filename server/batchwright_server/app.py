"""The composition root: every part of the server is made and wired here."""

import asyncio
import logging
import time
from contextlib import AsyncExitStack

from aiohttp import web

from batchwright_server import fronts, lifetime
from batchwright_server.api import tfs_documents
from batchwright_server.api.auth_admin import AdminGuard
from batchwright_server.api.backend import Backend
from batchwright_server.api.calls import Edge
from batchwright_server.api.grpc_server import GrpcAddress, GrpcServer
from batchwright_server.api.http_admin import AdminHandlers, Reports
from batchwright_server.api.http_kserve import KServeHandlers
from batchwright_server.api.http_relay import Relay
from batchwright_server.api.http_server import HttpServer
from batchwright_server.api.http_tfs import TfsHandlers
from batchwright_server.api.http_worker import WorkerHandlers
from batchwright_server.api.json_fields import Json
from batchwright_server.api.protection import Protection
from batchwright_server.config.worker import WorkerRole
from batchwright_server.engine.openvino_engine import EngineOptions, OpenVinoEngine
from batchwright_server.engine.trial_files import TrialFiles
from batchwright_server.runtime import ports
from batchwright_server.runtime.calibration import Clocks
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.configuration import Configuration, ReadDocument
from batchwright_server.runtime.consent import Vote
from batchwright_server.runtime.dataplane import DataPlane
from batchwright_server.runtime.model_compiler import Resources
from batchwright_server.runtime.model_loading import ModelLoader
from batchwright_server.runtime.pipelines.rollout import PipelineRollout
from batchwright_server.runtime.registry import Registry
from batchwright_server.runtime.rollout import Rollout
from batchwright_server.runtime.servable import Tools
from batchwright_server.runtime.serving_statistics import StatisticsReport
from batchwright_server.settings import Settings
from batchwright_server.telemetry import exposition, signals, tracing

_log = logging.getLogger(__name__)

DRAIN_SECONDS = 25.0  # for requests that run when the server is told to end; a pod has 30 by default


class Server:
    """One server process: models behind gRPC and HTTP."""

    def __init__(
        self,
        settings: Settings,
        engine: ports.Engine,
        traces: tracing.Tracing | None = None,
        role: WorkerRole | None = None,
    ) -> None:
        registry = Registry()
        self._settings = settings
        self._role = role
        self._worker = CompileWorker()
        clocks = Clocks(elapsed=time.monotonic, work=time.process_time)
        pipelines = PipelineRollout(registry, clocks.elapsed)
        vote = Vote()
        waiting_bytes = settings.limits.max_waiting_bytes // (role.count if role else 1)
        resources = Resources.of(engine, self._worker, waiting_bytes)
        tools = Tools(engine, resources, clocks, TrialFiles(settings.calibration_dir))
        self._rollout = Rollout(ModelLoader(tools), registry, pipelines, vote if role else None)
        self.configuration = Configuration(_document_reader(settings, role), self._rollout)
        self._draining = False
        self._registry = registry
        dataplane = DataPlane(registry, cores=engine.cores)
        statistics = StatisticsReport(registry)
        is_managed_elsewhere = bool(settings.admin_port or role)
        backend = Backend(
            dataplane, self.configuration, statistics, self._is_ready, is_managed_elsewhere
        )
        self._traces = traces or tracing.Tracing()
        edge = Edge(self._traces.tracer)
        self._protection = fronts.make_protection(settings)
        reports = self._make_reports(dataplane, engine.cores)
        self._grpc = _make_grpc(settings, backend, edge, self._protection, role)
        self._relay = Relay(role.supervisor) if role else None
        managing, self._admin = self._make_managing(edge, reports, vote)
        self._http = self._make_http(backend, edge, managing)
        self._poll: asyncio.Task[None] | None = None
        self.grpc_port = self.http_port = self.admin_port = 0

    async def start(self) -> None:
        """Answer health checks, load the models, then take requests. Raises InvalidDocument or OSError.

        The gRPC port opens last: a client that comes too early is refused at once, as it is while no
        server runs, and tries again.
        """
        self._protection.check()
        # Who may manage the server is in the document: nobody gets in before it is read.
        self.configuration.read_first()
        if self._grpc:
            self._grpc.check_free()
        if self._http:
            self.http_port = await self._http.start()
        if self._admin:
            self.admin_port = await self._admin.start()
        await self.configuration.start()
        if self._grpc:
            self.grpc_port = await self._grpc.start()
        if self._settings.poll_seconds and self._settings.config_path:
            self._poll = asyncio.create_task(self.configuration.poll(self._settings.poll_seconds))
        ports_told = self.grpc_port, self.http_port, self.admin_port
        _log.info("ready; gRPC on port %s, HTTP on port %s, admin on port %s", *ports_told)

    async def stop(self) -> None:
        """Say no more is welcome, finish what runs, and free everything, whatever fails on the way."""
        self._draining = True
        self.configuration.end()
        async with AsyncExitStack() as last_things_first:
            last_things_first.push_async_callback(asyncio.to_thread, self._traces.close)
            last_things_first.callback(self._worker.close)
            last_things_first.push_async_callback(self._rollout.stop)
            for server in (self._admin, self._http):
                if server:
                    last_things_first.push_async_callback(server.stop)
            if self._relay:
                last_things_first.push_async_callback(self._relay.close)
            if self._grpc:
                last_things_first.push_async_callback(self._grpc.stop, DRAIN_SECONDS)
            if self._poll:
                await lifetime.cancel(self._poll)

    def _is_ready(self) -> bool:
        return not self._draining and signals.is_ready(self._registry, self.configuration)

    def _make_managing(
        self, edge: Edge, reports: Reports, vote: Vote
    ) -> tuple[list[web.RouteDef], HttpServer | None]:
        """What of managing is on the clients' port, and the port that is for managing alone."""
        if self._role and self._relay:
            inside = WorkerHandlers(self.configuration, vote, reports)
            shown = self._relay.routes(managing=not self._role.has_admin_port)
            return shown, fronts.make_inside(inside.routes(), edge, self._role.socket)
        guard, handlers = AdminGuard(self.configuration), AdminHandlers(self.configuration, reports)
        admin = fronts.make_admin(self._settings, edge, self._protection, handlers.admin_routes(guard))
        changing = [] if admin else handlers.managing_routes(guard)
        return [*handlers.client_routes(), *changing], admin

    def _make_http(
        self, backend: Backend, edge: Edge, managing: list[web.RouteDef]
    ) -> HttpServer | None:
        routes = [
            *managing,
            *TfsHandlers(backend.dataplane).routes(),
            *KServeHandlers(backend).routes(),
        ]
        role = self._role
        has_admin_port = role.has_admin_port if role else bool(self._settings.admin_port)
        guard = None if has_admin_port else AdminGuard(self.configuration)
        front = fronts.Front(routes, guard, is_shared=role is not None)
        return fronts.make_http(self._settings, edge, self._protection, front)

    def _make_reports(self, dataplane: DataPlane, cores: int) -> Reports:
        collector = exposition.MetricsCollector(self._registry, self.configuration)
        metrics = exposition.Exposition(collector)
        report = signals.SignalsReport(self._registry, self.configuration, cores=cores)

        async def render_metrics() -> bytes:
            return metrics.render()

        async def render_signals() -> bytes:
            return report.render()

        async def describe_versions() -> Json:
            return tfs_documents.describe_all(dataplane.report_all())

        return Reports(
            metrics=render_metrics,
            metrics_type=exposition.CONTENT_TYPE,
            signals=render_signals,
            versions=describe_versions,
            is_ready=self._is_ready,
        )


async def run(settings: Settings, role: WorkerRole | None = None) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code."""
    ended = lifetime.listen_for_end()
    share = role.count if role else 1
    options = EngineOptions(settings.root, settings.cache_dir, settings.cpu_extension, share)
    try:
        traces = tracing.connect(settings.tracing_endpoint)
    except tracing.TracingUnavailable as error:
        _log.error("cannot start: %s", error)
        return 1
    server = Server(settings, OpenVinoEngine(options), traces, role)
    return await lifetime.live(server, ended, "ending: finishing the requests that run")


def _document_reader(settings: Settings, role: WorkerRole | None) -> ReadDocument:
    path, document = settings.config_path, settings.document
    if role is not None:
        text = role.document.encode()
        return lambda: text
    if path is not None:
        return path.read_bytes
    return lambda: document or b""


def _make_grpc(
    settings: Settings,
    backend: Backend,
    edge: Edge,
    protection: Protection,
    role: WorkerRole | None,
) -> GrpcServer | None:
    if not settings.port:
        return None
    arguments = settings.limits.to_grpc() | dict(settings.grpc_channel_arguments)
    if role is not None:
        arguments |= {"grpc.so_reuseport": 1}
    address = GrpcAddress(settings.grpc_bind_address, settings.port, arguments)
    return GrpcServer(backend, address, edge, protection)
