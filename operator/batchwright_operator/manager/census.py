"""What there is by the API server's count, against what the watch brought.

A watch tells nothing of what was removed while it was away, nor that it is complete; a count of names
and versions, which costs little, does both.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from batchwright_operator.cluster.errors import ClusterError
from batchwright_operator.cluster.kubernetes.ownership import key_of
from batchwright_operator.handlers.watching import Watch
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources.metadata import ObjectKey

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 5.0
_LOOK_SECONDS = 0.2
_RELIST_SECONDS = 1.0
PATIENCE_SECONDS = 20.0
"""After so long without what was counted, it is counted again: it may be gone since."""
LATE_SECONDS = 60.0
"""A watch that is this late does not watch."""


class Lister(Protocol):
    """The part of the API server's client that is needed."""

    async def list_names(
        self, kind: str, namespace: str, *, selector: str = ""
    ) -> tuple[list[Manifest], int]:
        """The metadata of all objects of a kind, and the resourceVersion they were listed at."""
        ...


class Known(Protocol):
    """The part of the store that is needed."""

    def names(self, kind: str) -> tuple[ObjectKey, ...]:
        """All objects of a kind."""
        ...

    def version_of(self, kind: str, key: ObjectKey) -> int:
        """The resourceVersion of what is kept of an object; 0 for nothing."""
        ...

    def remove_named(self, kind: str, key: ObjectKey, version: int) -> tuple[ObjectKey, ...]:
        """There was no such object at that resourceVersion; whom that concerns."""
        ...


@dataclass(frozen=True)
class Kind:
    """A kind to be counted; one that is `optional` may be unknown to the API server."""

    watch: Watch
    is_optional: bool = False


class Census:
    """Counts kinds in namespaces (none: all), and removes from the store what is not there."""

    def __init__(
        self,
        lister: Lister,
        store: Known,
        *,
        kinds: tuple[Kind, ...],
        namespaces: tuple[str, ...],
        concerned: Callable[[Iterable[ObjectKey]], None],
    ) -> None:
        self._lister = lister
        self._store = store
        self._kinds = kinds
        self._places = namespaces or ("",)
        self._concerned = concerned
        self._watched: tuple[Watch, ...] = ()
        self._missing: dict[str, dict[ObjectKey, int]] = {}  # by kind: counted, and not yet brought
        self._late_since: float | None = None
        self._listed: set[str] = set()
        self._news = asyncio.Event()
        self.synced = asyncio.Event()

    async def watches(self) -> tuple[Watch, ...]:
        """What can be watched; waits until all that must be there can be counted."""
        while True:
            try:
                watched = [kind.watch for kind in self._kinds if await self._can_count(kind)]
            except ClusterError as error:
                fields = {"error": str(error), "seconds": _RETRY_SECONDS}
                _log.warning("The watch cannot begin; trying again", extra={"fields": fields})
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._watched = tuple(watched)
            self._news.set()
            return self._watched

    def note_list(self, kind: str) -> None:
        """A watch of the kind began: what was removed before is not told of, and has to be counted."""
        self._listed.add(kind)
        self._news.set()

    async def run(self, period_seconds: float) -> None:
        """Wait until all is here, then count again every `period_seconds`; until cancelled."""
        while True:
            await self._settle()
            self.synced.set()
            try:
                async with asyncio.timeout(period_seconds):
                    await self._news.wait()
            except TimeoutError:
                await self._count_again(self._watched)
            else:
                await asyncio.sleep(_RELIST_SECONDS)  # for what comes of the list, and for other lists
                self._news.clear()
                listed, self._listed = self._listed, set()
                await self._count_again(watch for watch in self._watched if watch.kind in listed)

    def check_synced(self) -> str:
        """What is wrong before the store is complete."""
        return "" if self.synced.is_set() else "not all objects are here yet"

    def check(self) -> str:
        """What is wrong with the watch."""
        since = self._late_since
        if since is None or asyncio.get_running_loop().time() - since < LATE_SECONDS:
            return ""
        kinds = ", ".join(sorted(kind for kind, keys in self._missing.items() if keys))
        return f"the watch did not bring what the API server has for {LATE_SECONDS:.0f} s: {kinds}"

    async def _settle(self) -> None:
        """Return once the watch has brought everything that was counted."""
        loop = asyncio.get_running_loop()
        counted = loop.time()
        self._late_since = counted if self.synced.is_set() else None
        while not self._watched or not self._is_complete():
            await asyncio.sleep(_LOOK_SECONDS)
            if self._watched and loop.time() - counted > PATIENCE_SECONDS:
                await self._count_again(self._watched)
                counted = loop.time()
        self._late_since = None

    def _is_complete(self) -> bool:
        for kind, counted in self._missing.items():
            self._missing[kind] = self._not_here(kind, counted)
        return not any(self._missing.values())

    def _not_here(self, kind: str, counted: dict[ObjectKey, int]) -> dict[ObjectKey, int]:
        known = self._store.version_of
        return {key: version for key, version in counted.items() if known(kind, key) < version}

    async def _count_again(self, watches: Iterable[Watch]) -> None:
        for watch in watches:
            try:
                await self._count(watch)
            except ClusterError as error:
                fields = {"kind": watch.kind, "error": str(error)}
                _log.warning("Objects could not be counted", extra={"fields": fields})

    async def _can_count(self, kind: Kind) -> bool:
        try:
            await self._count(kind.watch)
        except ClusterError:
            if kind.is_optional:
                return False
            raise
        return True

    async def _count(self, watch: Watch) -> None:
        missing: dict[ObjectKey, int] = {}
        for place in self._places:
            items, version = await self._lister.list_names(watch.kind, place, selector=watch.selector)
            listed = {key_of(item): int(item["metadata"]["resourceVersion"]) for item in items}
            for key in self._store.names(watch.kind):
                if key not in listed and place in ("", key.namespace):
                    self._concerned(self._store.remove_named(watch.kind, key, version))
            missing |= self._not_here(watch.kind, listed)
        self._missing[watch.kind] = missing
