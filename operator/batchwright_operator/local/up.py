"""The composition of `batchwright up`: cluster, controller, one keeper for each object, a view."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batchwright_operator.cluster import leftovers
from batchwright_operator.cluster.local import LocalCluster
from batchwright_operator.controller.run import Controller
from batchwright_operator.local.keeper import Keeper
from batchwright_operator.local.manifestfiles import Watch, load_manifests
from batchwright_operator.local.placement import Placement, check_free, check_ports, check_volumes
from batchwright_operator.local.view import View
from batchwright_operator.pods.client import HttpPodClient
from batchwright_operator.resources.manifests import InvalidManifests
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer

_POLL_SECONDS = 0.5


class SetupError(Exception):
    """What stands against starting; nothing has been started."""


@dataclass(frozen=True)
class Setup:
    """What `up` is to run."""

    files: tuple[Path, ...]
    placement: Placement
    servers: tuple[ModelServer, ...]


def load_setup(files: tuple[Path, ...], placement: Placement) -> Setup:
    """Everything checked that can be without starting. Raises SetupError or InvalidManifests."""
    servers = placement.place(load_manifests(files))
    _raise_any(_check(servers, placement))
    return Setup(files, placement, servers)


async def run_up(setup: Setup, view: View) -> None:
    """Run until told to stop. Raises SetupError if the state directory or a port is in use."""
    state = setup.placement.state
    try:
        lock = leftovers.lock_state(state)
    except (leftovers.StateInUseError, OSError) as error:
        raise SetupError(str(error)) from error
    with lock:
        leftovers.end_leftovers(state)
        _raise_any(check_free(setup.servers))
        await _run(setup, view)


async def _run(setup: Setup, view: View) -> None:
    cluster, pods = LocalCluster(setup.placement.state), HttpPodClient()
    stop = _stop_on_signals(cluster)
    objects = _Objects(Controller(cluster, pods), cluster, setup.placement, view)
    view.start()
    try:
        for server in setup.servers:
            objects.add(server)
        watching = asyncio.create_task(_watch(setup, objects, view), name="manifest files")
        await _first_of(stop, watching, objects)
        view.say("Stopping.")
    finally:
        await objects.close()
        await cluster.close()
        await pods.close()
        view.stop()


def _stop_on_signals(cluster: LocalCluster) -> asyncio.Event:
    stop = asyncio.Event()

    def note() -> None:
        if stop.is_set():
            cluster.kill()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, note)
    return stop


async def _first_of(stop: asyncio.Event, watching: asyncio.Task[None], objects: "_Objects") -> None:
    waiting = asyncio.create_task(stop.wait(), name="stop")
    try:
        while not stop.is_set():
            tasks = {waiting, watching, *objects.tasks}
            done, _ = await asyncio.wait(tasks, timeout=_POLL_SECONDS, return_when="FIRST_COMPLETED")
            for task in done - {waiting}:
                task.result()  # these end only by a fault of ours, which is not to be hidden
    finally:
        for task in (waiting, watching):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _watch(setup: Setup, objects: "_Objects", view: View) -> None:
    watch = Watch(setup.files)
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        if not watch.poll():
            continue
        try:
            edited = load_setup(setup.files, setup.placement)
        except (SetupError, InvalidManifests) as error:
            view.complain(f"The edit is not taken, nothing changes:\n{error}")
        else:
            await objects.replace(edited.servers)


class _Objects:
    """The objects that are kept, each by a task."""

    def __init__(
        self, controller: Controller, cluster: LocalCluster, placement: Placement, view: View
    ) -> None:
        self._controller = controller
        self._cluster = cluster
        self._placement = placement
        self._view = view
        self._keepers: dict[ObjectKey, Keeper] = {}
        self._tasks: dict[ObjectKey, asyncio.Task[None]] = {}

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """The tasks that keep the objects."""
        return tuple(self._tasks.values())

    def add(self, server: ModelServer) -> None:
        """Keep one more object."""
        view = self._view
        keeper = Keeper(
            server, self._controller, self._placement, publish=view.publish, complain=view.complain
        )
        self._keepers[server.key] = keeper
        self._tasks[server.key] = asyncio.create_task(keeper.run(), name=str(server.key))
        view.say(_addresses(server))

    async def replace(self, servers: tuple[ModelServer, ...]) -> None:
        """Keep these objects and no others."""
        for key in set(self._keepers) - {server.key for server in servers}:
            await self._remove(key)
        for server in servers:
            keeper = self._keepers.get(server.key)
            if keeper is None:
                self.add(server)
            elif keeper.edit(server):
                self._view.say(f"{server.name}: the edit is taken")

    async def close(self) -> None:
        """Stop keeping them; their pods stay."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _remove(self, key: ObjectKey) -> None:
        self._view.say(f"{key.name}: removed, its pods are ended")
        del self._keepers[key]
        task = self._tasks.pop(key)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._controller.forget(key)
        await self._cluster.delete(key)
        self._view.forget(key.name)


def _addresses(server: ModelServer) -> str:
    grpc, http = server.spec.service.grpc_port, server.spec.service.http_port
    return f"{server.name}: gRPC at 127.0.0.1:{grpc}, HTTP at 127.0.0.1:{http}"


def _check(servers: tuple[ModelServer, ...], placement: Placement) -> Iterator[str]:
    yield from check_volumes(servers, placement.volumes)
    yield from check_ports(servers)


def _raise_any(problems: Iterator[str]) -> None:
    found = list(problems)
    if found:
        raise SetupError("\n".join(found))
