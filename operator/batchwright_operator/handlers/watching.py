"""The watch: kopf as an informer that reads and never writes.

Only `on.event` handlers are registered: they need no finalizer, no annotation and no status.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kopf

from batchwright_operator.handlers import credentials
from batchwright_operator.handlers.sink import Sink

_log = logging.getLogger(__name__)
_RESTART_SECONDS = 5.0
_LOGIN_AGAIN_SECONDS = 1.0
_CANCEL_AGAIN_SECONDS = 1.0
_KOPF = str(Path(kopf.__file__).parent)
# One that no object has: kopf removes its own from any object where it finds it, another operator's too.
_NO_FINALIZER = "batchwright.dev/never-set"


@dataclass(frozen=True)
class Watch:
    """A kind of object, and which of them (a label selector; "" all)."""

    kind: str
    group: str  # "" is the core's
    version: str
    plural: str
    selector: str = ""

    def matches(self, resource: kopf.Resource) -> bool:
        """Whether `resource` is this kind."""
        found = (resource.group, resource.version, resource.plural)
        return found == (self.group, self.version, self.plural)


@dataclass(frozen=True)
class Watching:
    """What is watched and by whom it is told. `watches` may wait for what is not there yet.

    `listed` is told the kind whenever its objects were listed: a watch began, or began anew.
    """

    watches: Callable[[], Awaitable[tuple[Watch, ...]]]
    namespaces: tuple[str, ...]  # none: all
    login: credentials.Login
    sink: Sink
    listed: Callable[[str], None]


async def watch(watching: Watching, started: Callable[[], None]) -> None:
    """Watch until cancelled.

    `started` is called whenever kopf was, which takes over signals then. A watch that ends is begun
    again; what it misses meanwhile it lists.
    """
    while True:
        tasks: set[asyncio.Task[Any]] = set()
        try:
            watches = await watching.watches()
            tasks = set(await _start(watching, watches))
            started()
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            reasons = [str(task.exception() or "it ended") for task in done if not task.cancelled()]
            fields = {"reason": "; ".join(reasons)}
            _log.error("The watch ended and is begun again", extra={"fields": fields})
        finally:
            await _end(tasks)
        await asyncio.sleep(_RESTART_SECONDS)


async def _start(watching: Watching, watches: tuple[Watch, ...]) -> tuple[asyncio.Task[Any], ...]:
    registry = kopf.OperatorRegistry()
    _register_login(registry, watching, {item.plural: item.kind for item in watches})
    for item in watches:
        _register(registry, item, watching.sink)
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=make_settings(watches),
        standalone=True,
        clusterwide=not watching.namespaces,
        namespaces=watching.namespaces,
        # Only peers would see it; without it kopf asks the network for this host's name, and waits.
        identity="batchwright",  # type: ignore[arg-type]  # kopf's own kind of str is not public
    )
    return tuple(tasks)


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    await end_tasks(tasks)
    if tasks:  # what those have begun, and left to itself
        await end_tasks({task for task in asyncio.all_tasks() if _is_of_kopf(task)})


async def end_tasks(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended: one whose connection closes just then swallows the first."""
    running = tasks
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_CANCEL_AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)  # what they ended with was told before


def _is_of_kopf(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(_KOPF)


def _register_login(
    registry: kopf.OperatorRegistry, watching: Watching, kinds: Mapping[str, str]
) -> None:
    def note(plural: str) -> None:
        if plural in kinds:
            watching.listed(kinds[plural])

    # kopf would wait a minute, and a kubeconfig that is just being written is whole in a moment.
    @kopf.on.login(registry=registry, id="login", backoff=_LOGIN_AGAIN_SECONDS)
    async def log_in(**_: Any) -> kopf.AiohttpSession:
        return credentials.make_session(await watching.login(), note)


def _register(registry: kopf.OperatorRegistry, item: Watch, sink: Sink) -> None:
    @kopf.on.event(
        group=item.group,
        version=item.version,
        plural=item.plural,
        id=f"watch-{item.plural}",
        registry=registry,
    )
    async def take(event: kopf.RawEvent, **_: Any) -> None:
        if event["type"] == "DELETED":
            sink.remove(item.kind, event["object"])
        else:
            sink.upsert(item.kind, event["object"])


def make_settings(watches: tuple[Watch, ...]) -> kopf.OperatorSettings:
    """The settings of kopf: it only reads, gives up on nothing, and notices a watch that went silent."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.finalizer = _NO_FINALIZER
    settings.persistence.diffbase_storage = _NothingCompared()
    settings.process.ultimate_exiting_timeout = None  # how this process ends is not kopf's matter
    settings.queueing.idle_timeout = 0.5
    settings.queueing.exit_timeout = 0.5
    settings.networking.request_timeout = 60.0
    settings.networking.connect_timeout = 5.0
    settings.networking.error_backoffs = _Backoffs()
    settings.watching.connect_timeout = 5.0
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.watching.inactivity_timeout = 70.0  # bookmarks come every minute
    settings.watching.reconnect_backoff = 0.5
    settings.watching.chunk_size = 500
    for item in watches:
        if item.selector:
            settings.watching.label_selectors[item.matches] = item.selector
    return settings


class _NothingCompared(kopf.DiffBaseStorage):
    """Of no object is it known what it was before: kopf would copy each at each event to find out."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> None:
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        pass


class _Backoffs:
    """Delays in seconds between requests that failed, without an end."""

    _FIRST = (0.5, 1.0, 2.0, 4.0)
    _REST = 8.0

    def __iter__(self) -> Iterator[float]:
        yield from self._FIRST
        while True:
            yield self._REST
