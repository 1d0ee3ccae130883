"""The composition of `batchwright up`: cluster, controller, one keeper for each object, a view."""

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batchwright_operator.cluster import leftovers
from batchwright_operator.cluster.local import LocalCluster
from batchwright_operator.controller.run import Controller
from batchwright_operator.local import checks
from batchwright_operator.local.edits import Edits, Refusal
from batchwright_operator.local.manifestfiles import Contents
from batchwright_operator.local.objects import Objects
from batchwright_operator.local.orphans import Orphans
from batchwright_operator.local.page.address import PageAddress
from batchwright_operator.local.page.ledger import Ledger
from batchwright_operator.local.page.server import PageServer
from batchwright_operator.local.page.view import PagedView
from batchwright_operator.local.placement import Placement
from batchwright_operator.local.view import View
from batchwright_operator.pods.client import HttpPodClient
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline

_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Setup:
    """What `up` is to run."""

    contents: Contents
    placement: Placement
    servers: tuple[ModelServer, ...]
    orphans: tuple[Pipeline, ...] = ()


def load_setup(files: tuple[Path, ...], placement: Placement) -> Setup:
    """Everything checked that can be without starting. Raises SetupError or InvalidManifests."""
    contents = Contents.read(files)
    manifests = contents.parse_all()
    servers = placement.place(manifests.servers)
    checks.check_setup(servers, placement)
    return Setup(contents, placement, servers, manifests.orphans)


async def run_up(setup: Setup, view: View, page: PageAddress | None = None) -> None:
    """Run until told to stop, with a page at `page`, if any.

    Raises SetupError if the state directory or a port is in use.
    """
    state = setup.placement.state
    try:
        lock = leftovers.lock_state(state)
    except (leftovers.StateInUseError, OSError) as error:
        raise checks.SetupError(str(error)) from error
    with lock:
        leftovers.end_leftovers(state)
        checks.check_start(setup.servers)
        if page is None:
            await _run(setup, view)
        else:
            await _run_with_page(setup, view, page)


async def _run_with_page(setup: Setup, view: View, page: PageAddress) -> None:
    ledger = Ledger()
    server = PageServer(ledger, page)
    try:
        url = await server.start()
    except OSError as error:
        await server.close()
        reason = error.strerror or str(error)
        raise checks.SetupError(f"--page: cannot listen at {page}: {reason}") from error
    view.say(f"Live page: {url}")
    try:
        await _run(setup, PagedView(view, ledger, server))
    finally:
        await server.close()


async def _run(setup: Setup, view: View) -> None:
    cluster, pods = LocalCluster(setup.placement.state), HttpPodClient()
    stop = _stop_on_signals(cluster)
    objects = Objects(Controller(cluster, pods), cluster, setup.placement, view)
    view.start()
    try:
        for server in setup.servers:
            objects.add(server)
        watching = asyncio.create_task(_watch(setup, objects, view), name="manifest files")
        await _first_of(stop, watching, objects)
        view.say("Stopping.")
    finally:
        await objects.close()
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


async def _first_of(stop: asyncio.Event, watching: asyncio.Task[None], objects: Objects) -> None:
    waiting = asyncio.create_task(stop.wait(), name="stop")
    try:
        while not stop.is_set():
            tasks = {waiting, watching, *objects.tasks}
            done, _ = await asyncio.wait(tasks, timeout=_POLL_SECONDS, return_when="FIRST_COMPLETED")
            for task in done - {waiting}:
                if not task.cancelled():  # the object was removed
                    task.result()  # else it ends only by a fault of ours, which is not to be hidden
    finally:
        for task in (waiting, watching):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _watch(setup: Setup, objects: Objects, view: View) -> None:
    edits = Edits(setup.contents, setup.placement)
    orphans = Orphans(setup.placement.state, view)
    orphans.replace(setup.orphans, setup.servers)
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        match edits.poll(objects.servers):
            case None:
                continue
            case Refusal(message):
                view.complain(f"The edit is not taken, nothing changes:\n{message}")
            case servers:
                view.settle()
                await objects.replace(servers)
                orphans.replace(edits.orphans, servers)
