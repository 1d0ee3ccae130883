"""One operator process: its parts put together, begun in order and ended in order."""

import asyncio
import logging
import os
import random
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace

from batchwright_operator.cluster.kubernetes.adapter import KubernetesCluster
from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.connection import Connection, Credentials
from batchwright_operator.cluster.kubernetes.leases import LeaseStore
from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.controller.run import Controller
from batchwright_operator.handlers.watching import Watching, watch
from batchwright_operator.manager import kinds
from batchwright_operator.manager.census import Census
from batchwright_operator.manager.fence import FencedCluster, FencedPods
from batchwright_operator.manager.files import AdminKeys, pod_resolver
from batchwright_operator.manager.health import HealthServer
from batchwright_operator.manager.heartbeat import Heartbeat
from batchwright_operator.manager.intake import Intake
from batchwright_operator.manager.leadership import SoleReplica
from batchwright_operator.manager.login import login_by
from batchwright_operator.manager.metrics import Metrics
from batchwright_operator.manager.progress import RUN_SECONDS, Progress
from batchwright_operator.manager.settings import OperatorSettings
from batchwright_operator.manager.worker import Parts, Worker
from batchwright_operator.pods.client import HttpPodClient
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.workqueue.backoff import Backoff
from batchwright_operator.workqueue.election import Elector
from batchwright_operator.workqueue.keyed import KeyedQueue
from batchwright_operator.workqueue.workers import Workers

LEASE = "batchwright-operator"
STOP_SECONDS = 10.0  # for runs under way

_log = logging.getLogger(__name__)


async def run_operator(settings: OperatorSettings) -> int:
    """Run until told to stop; the exit code. Raises ConnectionFault, FileFault, OSError."""
    keys = AdminKeys(settings.admin_key_file)
    connection = Connection(settings.kubeconfig, settings.context, settings.workers + 2)
    credentials = await Credentials.load(connection)
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        client = Client(credentials, observe_call=metrics.observe_call)
        stack.push_async_callback(client.close)
        pods = HttpPodClient(resolve=pod_resolver(settings.pod_addresses))
        stack.push_async_callback(pods.close)
        manager = Manager(settings, connection, (client, pods), keys=keys, metrics=metrics)
        return await manager.run(stack)


class Manager:
    """The parts of one process."""

    def __init__(
        self,
        settings: OperatorSettings,
        connection: Connection,
        clients: tuple[Client, HttpPodClient],
        *,
        keys: Callable[[], tuple[bytes, ...]],
        metrics: Metrics,
    ) -> None:
        client, pods = clients
        self._settings = settings
        self._stopping = asyncio.Event()
        self._store = Store()
        self._elector = self._make_elector(client)
        self._heartbeat = Heartbeat(
            client, settings.heartbeat_namespaces, self._elector, settings.identity
        )
        self._census = self._make_census(client)
        self._watching = self._make_watching(connection)
        self._queue: KeyedQueue[ObjectKey] = KeyedQueue(time.monotonic, Backoff(random.random))
        cluster = self._make_cluster(client)
        rendering = _rendering(settings)
        parts = Parts(
            store=self._store,
            cluster=cluster,
            controller=Controller(cluster, FencedPods(pods, self._leads), revisions=settings.revisions),
            metrics=metrics,
            settings=lambda: replace(rendering, admin_keys=keys()),
        )
        self._workers = self._make_workers(Worker(parts, self._spread))
        self._health = self._make_health(metrics)

    async def run(self, stack: AsyncExitStack) -> int:
        """Until told to stop, or a part ends that must not; the exit code."""
        self._listen_to_signals()
        port = await self._health.start()
        stack.push_async_callback(self._health.close)
        fields = {"identity": self._settings.identity, "port": port}
        _log.info("The operator begins", extra={"fields": fields})
        stopping = asyncio.create_task(self._stopping.wait(), name="stop")
        tasks = {
            asyncio.create_task(self._elector.run(), name="election"),
            asyncio.create_task(self._heartbeat.run(), name="heartbeat"),
            asyncio.create_task(self._census.run(self._settings.resync_seconds), name="census"),
            asyncio.create_task(watch(self._watching, self._listen_to_signals), name="watch"),
            asyncio.create_task(self._lead(), name="work"),
        }
        try:
            await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            return await self._end({task for task in tasks if task.done()})
        finally:
            for task in (stopping, *tasks):
                task.cancel()
            await asyncio.wait({stopping, *tasks}, timeout=STOP_SECONDS / 2)

    async def _end(self, ended: set[asyncio.Task[None]]) -> int:
        for task in ended:
            _log.error("A part of the operator ended: %s", task.get_name(), exc_info=task.exception())
        _log.info("The operator stops")
        await self._workers.stop(STOP_SECONDS)
        await self._elector.release()
        return 1 if ended else 0

    async def _lead(self) -> None:
        """Begin runs once we lead and know all that there is."""
        await self._elector.elected.wait()
        await self._census.synced.wait()
        self._concern(self._store.keys())
        await self._workers.serve()

    def _concern(self, keys: Iterable[ObjectKey]) -> None:
        for key in keys:
            self._workers.add(key)

    def _leads(self) -> bool:
        return self._elector.is_leader

    def _spread(self) -> float:
        """Seconds to an object's slow resync, so spread that they do not come together."""
        return self._settings.resync_seconds * (0.75 + random.random() / 2)  # noqa: S311  no secret

    def _serves(self) -> bool:
        return self._leads() and self._census.synced.is_set()

    def _make_elector(self, client: Client) -> Elector | SoleReplica:
        if not self._settings.has_leader_election:
            return SoleReplica()
        store = LeaseStore(client, self._settings.operator_namespace, LEASE)
        return Elector(store, self._settings.identity, lost=_end_at_once)

    def _make_census(self, client: Client) -> Census:
        return Census(
            client,
            self._store,
            kinds=kinds.watched_kinds(),
            namespaces=self._settings.namespaces,
            concerned=self._concern,
        )

    def _make_watching(self, connection: Connection) -> Watching:
        return Watching(
            watches=self._census.watches,
            namespaces=self._settings.namespaces,
            login=login_by(connection),
            sink=Intake(self._store, self._heartbeat, self._concern),
            listed=self._census.note_list,
        )

    def _make_cluster(self, client: Client) -> FencedCluster:
        cluster = KubernetesCluster(client, self._store, identity=self._settings.identity)
        return FencedCluster(cluster, self._leads)

    def _make_workers(self, worker: Worker) -> Workers[ObjectKey]:
        return Workers(
            self._queue,
            worker.run,
            clock=time.monotonic,
            count=self._settings.workers,
            limit_seconds=RUN_SECONDS,
        )

    def _make_health(self, metrics: Metrics) -> HealthServer:
        metrics.watch_queue(self._queue.stats)
        metrics.watch_leader(self._leads)
        metrics.watch_heartbeat(self._heartbeat.age)
        progress = Progress(self._queue.stats, self._settings.workers, self._serves, time.monotonic)
        return HealthServer(
            (self._settings.http_bind_address, self._settings.http_port),
            live=(self._heartbeat.check, self._census.check, progress.check),
            ready=(self._census.check_synced,),
            metrics=metrics.exposition,
        )

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._note_signal)

    def _note_signal(self) -> None:
        if self._stopping.is_set():
            _end_at_once("a second signal")
        self._stopping.set()


def _rendering(settings: OperatorSettings) -> Settings:
    usual = Settings()
    return replace(
        usual,
        image=settings.server_image or usual.image,
        models_mount=settings.models_mount or usual.models_mount,
        config_mount=settings.config_mount or usual.config_mount,
        operator_namespace=settings.operator_namespace,
    )


def _end_at_once(why: str) -> None:
    """End without another word to the cluster: another replica may be leading already."""
    _log.critical("The process ends at once: %s", why)
    logging.shutdown()
    os._exit(1)
