"""Bringing the files of one model onto the volume: only what changed, whole or not at all."""

import hashlib
import logging
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from batchwright_server.config.origins import Origin
from batchwright_server.sources import archives, faults, layout, snapshots
from batchwright_server.sources.entries import Entry, Listing
from batchwright_server.sources.faults import FetchFailed, Unreachable
from batchwright_server.sources.layout import Selection
from batchwright_server.sources.progress import Progress
from batchwright_server.sources.snapshots import Shelf, Snapshot, Staging
from batchwright_server.sources.stores import BLOCK_BYTES, Store

_AT_ONCE = 4  # files
_LONGEST_PAUSE = 30.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What is to be brought, and where: `key` is the folder in `volume` that it gets."""

    model: str
    origin: Origin
    selection: Selection
    volume: Path
    key: str
    max_bytes: int | None = None  # of all that is on the volume; None: what the volume holds
    attempts: int = 5


class Fetch:
    """One order. `connect` gives the store, `pause` waits for so many seconds."""

    def __init__(
        self, order: Order, connect: Callable[[], Store], pause: Callable[[float], None]
    ) -> None:
        self._order = order
        self._connect = connect
        self._pause = pause
        self._shelf = Shelf(order.volume / order.key)
        self._lock = threading.Lock()

    def run(self) -> None:
        """Bring it, tried again while that is of use. Raises FetchFailed, Unreachable at last.

        Where the store cannot be reached and files of it are there from before, these are kept.
        """
        with self._shelf.lock():
            for attempt in range(1, self._order.attempts + 1):
                try:
                    self._try_once()
                except Unreachable as error:
                    if attempt == self._order.attempts:
                        self._make_do(error)
                    else:
                        self._wait(attempt, error)
                else:
                    return

    def _try_once(self) -> None:
        try:
            self._bring()
        except Exception as error:
            if not faults.is_told(error):
                raise
            raise faults.translate(error) from error

    def _wait(self, attempt: int, error: Unreachable) -> None:
        seconds = min(2.0 ** (attempt - 1), _LONGEST_PAUSE)
        fields = {"model": self._order.model, "attempt": attempt, "again_in_seconds": seconds}
        _log.warning("%s", error, extra={"fields": fields})
        self._pause(seconds)

    def _make_do(self, error: Unreachable) -> None:
        current = self._shelf.current()
        if current is None or not current.is_whole:
            raise error
        fields = {"model": self._order.model, "uri": str(self._order.origin)}
        _log.warning("%s; what was fetched before is kept", error, extra={"fields": fields})

    def _bring(self) -> None:
        order, store = self._order, self._connect()
        listing = layout.list_origin(store, order.origin, order.selection)
        digest = listing.digest(repr(order.selection.policy))
        if not listing.is_traceable:
            digest += secrets.token_hex(4)
        current = self._shelf.current()
        fields = {"model": order.model, "uri": str(order.origin), "files": len(listing.entries)}
        if current is not None and current.digest == digest and current.is_whole:
            _log.info("unchanged since it was fetched", extra={"fields": fields})
            return
        staging = self._shelf.stage(digest)
        if listing.is_archive:
            paths = self._bring_archive(store, listing, staging)
        else:
            paths = self._bring_files(store, listing, staging, current)
        self._shelf.put(digest, staging, listing.entries, paths)

    def _bring_files(
        self, store: Store, listing: Listing, staging: Staging, current: Snapshot | None
    ) -> tuple[str, ...]:
        paths = tuple(entry.path for entry in listing.entries)
        staging.clear(paths)
        arrived = staging.arrived()
        missing = []
        for entry in listing.entries:
            if entry.identity in arrived:
                continue
            if current is not None and entry.identity in current.made_from and current.has(entry.path):
                staging.take(entry, current)
            else:
                missing.append(entry)
        self._download(store, missing, staging)
        staging.clear(paths)
        return paths

    def _bring_archive(self, store: Store, listing: Listing, staging: Staging) -> tuple[str, ...]:
        packed = Staging(staging.folder.with_name(f"{staging.folder.name}.packed"), staging.journal)
        packed.folder.mkdir(exist_ok=True)
        [entry] = listing.entries
        packed.clear([entry.path])
        if entry.identity not in packed.arrived():
            self._download(store, [entry], packed)
        shutil.rmtree(staging.folder)  # what an interrupted attempt has unpacked
        staging.folder.mkdir()
        room = self._room()
        archive = packed.folder / entry.path
        return archives.unpack(archive, staging.folder, self._order.selection, most_bytes=room)

    def _download(self, store: Store, entries: list[Entry], staging: Staging) -> None:
        needed, room = sum(entry.size or 0 for entry in entries), self._room()
        if needed > room:
            raise FetchFailed(
                f"its files need {needed} bytes, and {max(0, room)} are left on the volume: raise "
                "modelCache.sizeLimit, or enlarge the claim"
            )
        progress = Progress(self._order.model, needed, len(entries))

        def one(entry: Entry) -> None:
            self._download_file(store, entry, staging, (progress, room))

        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch")
        try:
            _raise_first(pool.submit(one, entry).result for entry in _largest_first(entries))
        finally:
            pool.shutdown(cancel_futures=True)
        progress.finish()

    def _download_file(
        self, store: Store, entry: Entry, staging: Staging, counted: tuple[Progress, int]
    ) -> None:
        target = staging.folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{hashlib.sha256(entry.path.encode()).hexdigest()[:16]}.part")
        length = _copy(store, entry, part, counted)
        if entry.size is not None and length != entry.size:
            raise Unreachable(f"{entry.path} came with {length} bytes of {entry.size}")
        if entry.tag and store.look(entry.remote).tag != entry.tag:
            raise Unreachable(f"{entry.path} was changed while it was read")
        os.replace(part, target)
        with self._lock:
            staging.note(entry)
        counted[0].add_file()

    def _room(self) -> int:
        """How many more bytes may go onto the volume."""
        order = self._order
        stat = os.statvfs(order.volume)
        free = stat.f_bavail * stat.f_frsize
        if order.max_bytes is None:
            return free
        return min(free, order.max_bytes - snapshots.used_bytes(order.volume))


def _copy(store: Store, entry: Entry, part: Path, counted: tuple[Progress, int]) -> int:
    """The content of a file, as far as it comes: how many bytes. Raises FetchFailed if too long."""
    progress, room = counted
    length = 0
    with store.read(entry.remote) as source, part.open("wb") as file:
        while block := source.read(BLOCK_BYTES):
            length += len(block)
            progress.add_bytes(len(block))
            if entry.size is not None and length > entry.size:
                raise Unreachable(f"{entry.path} is longer than the {entry.size} bytes announced")
            if progress.bytes > room and entry.size is None:
                raise FetchFailed(
                    f"{entry.path} is longer than the {room} bytes that are left on the volume: raise "
                    "modelCache.sizeLimit, or enlarge the claim"
                )
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return length


def _largest_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: -(entry.size or 0))


def _raise_first(results: Iterable[Callable[[], None]]) -> None:
    for result in list(results):  # all are begun before the first is waited for
        result()
