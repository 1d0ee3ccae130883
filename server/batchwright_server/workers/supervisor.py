"""`--workers N`: a process that loads no model looks after N that do, and speaks for all of them."""

import asyncio
import logging
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager

import orjson
from prometheus_client import Metric

from batchwright_server import fronts, lifetime
from batchwright_server.api.auth_admin import AdminGuard
from batchwright_server.api.calls import Edge
from batchwright_server.api.http_admin import AdminHandlers, Reports
from batchwright_server.config.signals import Signals
from batchwright_server.config.worker import WorkerRole
from batchwright_server.runtime.configuration import Configuration
from batchwright_server.settings import Settings
from batchwright_server.telemetry import exposition
from batchwright_server.workers import metric_sums, signal_sums
from batchwright_server.workers.fleet import Fleet
from batchwright_server.workers.worker import Worker

_log = logging.getLogger(__name__)

_LONGEST_PLACE = 64  # bytes; with the names below it, the path of a socket has at most 107


class Supervisor:
    """One server of several processes."""

    def __init__(self, settings: Settings, arguments: Sequence[str], folder: str) -> None:
        self._settings = settings
        self._folder = folder
        self._fleet = Fleet()
        self._fleet.workers = [
            Worker(index, arguments, self._make_role) for index in range(settings.workers)
        ]
        self._configuration = Configuration(self._read_document, self._fleet)
        self._protection = fronts.make_protection(settings)
        self._process = uuid.uuid4().hex
        self._started = time.monotonic()
        self._draining = False
        self._poll: asyncio.Task[None] | None = None
        guard, edge = AdminGuard(self._configuration), Edge()
        handlers = AdminHandlers(self._configuration, self._make_reports())
        inside = [*handlers.client_routes(), *handlers.managing_routes(guard)]
        self._inside = fronts.make_inside(inside, edge, self._socket("supervisor"))
        routes = handlers.admin_routes(guard)
        self._admin = fronts.make_admin(settings, edge, self._protection, routes)

    async def start(self) -> None:
        """Return when all workers take requests. Raises InvalidDocument or OSError."""
        self._protection.check()
        self._configuration.read_first()
        await self._inside.start()
        if self._admin:
            await self._admin.start()
        await self._configuration.start()
        if self._settings.poll_seconds and self._settings.config_path:
            self._poll = asyncio.create_task(self._configuration.poll(self._settings.poll_seconds))
        told = self._settings
        ports = told.workers, told.port, told.rest_port, told.admin_port
        _log.info("%s workers ready; gRPC on port %s, HTTP on port %s, admin on port %s", *ports)

    async def stop(self) -> None:
        """Say no more is welcome, let the workers finish what runs, and end."""
        self._draining = True
        self._configuration.end()
        async with AsyncExitStack() as last_things_first:
            last_things_first.push_async_callback(self._inside.stop)
            if self._admin:
                last_things_first.push_async_callback(self._admin.stop)
            last_things_first.push_async_callback(self._fleet.stop)
            if self._poll:
                self._poll.cancel()

    def _is_ready(self) -> bool:
        return not self._draining and self._configuration.loaded and self._fleet.is_ready

    def _read_document(self) -> bytes:
        path = self._settings.config_path
        return path.read_bytes() if path else self._settings.document or b""

    def _socket(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _make_role(self, index: int) -> WorkerRole:
        return WorkerRole(
            index=index,
            count=self._settings.workers,
            socket=self._socket(f"worker-{index}"),
            supervisor=self._socket("supervisor"),
            document=self._fleet.document,
            has_admin_port=bool(self._settings.admin_port),
        )

    def _make_reports(self) -> Reports:
        return Reports(
            metrics=self._render_metrics,
            metrics_type=exposition.CONTENT_TYPE,
            signals=self._render_signals,
            versions=self._fleet.versions,
            is_ready=self._is_ready,
        )

    async def _render_metrics(self) -> bytes:
        await self._fleet.look()
        own = [*exposition.configuration_metrics(self._configuration), *self._worker_metrics()]
        return metric_sums.render(self._fleet.add_metrics(), own)

    def _worker_metrics(self) -> Iterator[Metric]:
        ready = sum(worker.is_ready for worker in self._fleet.workers)
        return metric_sums.worker_metrics(ready=ready, restarts=self._fleet.restarts)

    async def _render_signals(self) -> bytes:
        await self._fleet.look()
        found, past, past_cpu_seconds = self._fleet.add_signals()
        document = Signals(
            process=self._process,
            uptime_seconds=time.monotonic() - self._started,
            cpu_seconds=sum(each.cpu_seconds for each in found) + past_cpu_seconds + time.process_time(),
            cores=sum(each.cores for each in found),
            ready=self._is_ready(),
            config=self._configuration.state,
            models=signal_sums.add_models(found, past),
            pipelines=found[0].pipelines if found else (),
        )
        return orjson.dumps(document.model_dump(mode="json"), option=orjson.OPT_NON_STR_KEYS)


async def run(settings: Settings, arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code."""
    ended = lifetime.listen_for_end()
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="batchwright-", dir=_socket_place())
        folder = stack.enter_context(temporary)
        try:
            stack.enter_context(_reserved(settings))
        except OSError as error:
            _log.error("cannot start: %s", error)
            return 1
        supervisor = Supervisor(settings, arguments, folder)
        return await lifetime.live(supervisor, ended, "ending: the workers finish the requests that run")


def _socket_place() -> str | None:
    """Where the folder of sockets goes; None: where temporary files do, unless no socket's path fits."""
    too_long = len(os.fsencode(tempfile.gettempdir())) > _LONGEST_PLACE
    return "/tmp" if too_long else None  # noqa: S108  a folder of a name that nobody knows before


@contextmanager
def _reserved(settings: Settings) -> Iterator[None]:
    """The clients' ports, held for the workers. Raises OSError if somebody else has one."""
    places = [(host, settings.port) for host in settings.grpc_bind_address]
    places += [(host, settings.rest_port) for host in settings.rest_bind_address]
    with ExitStack() as held:
        for host, port in places:
            if port:
                _reserve(held, host, port)
        yield


def _reserve(held: ExitStack, host: str, port: int) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            # First alone, which shows whether anybody is there, another server's workers too.
            probe = socket.socket(family, kind, protocol)
            if family is socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.setsockopt(socket.SOL_SOCKET, option, 1)
            try:
                probe.bind(address)
            except OSError as error:
                probe.close()
                raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error
            if option == socket.SO_REUSEADDR:
                probe.close()
            else:
                held.enter_context(probe)
