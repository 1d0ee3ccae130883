"""What is on the volume: whole snapshots of a model's files, of which a link names the one in use.

In the folder of a source:

- `model`, a link to `snapshots/<digest>`: what the server reads, replaced in one step
- `snapshots/<digest>/1/model.xml` …, and `snapshots/<digest>.json`: what it was made from
- `staging/<digest>/` …: what is being brought, kept if that is interrupted
- `staging/<digest>.jsonl`: its files that are there, whole
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from batchwright_server.sources.entries import Entry

Identity = tuple[str, int | None, str]  # of an entry: path, size, tag
MODEL = "model"


@dataclass(frozen=True)
class Snapshot:
    """A whole set of files: what it was made from, and each of its files with its size."""

    digest: str
    folder: Path
    made_from: frozenset[Identity]
    sizes: dict[str, int]

    @property
    def is_whole(self) -> bool:
        """Whether each file is there in its size."""
        return all(self.has(path) for path in self.sizes)

    def has(self, path: str) -> bool:
        """Whether that file is there in its size."""
        try:
            return (self.folder / path).stat().st_size == self.sizes.get(path)
        except OSError:
            return False


class Shelf:
    """The folder of one source on the volume. What changes it does so under `lock`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._snapshots = folder / "snapshots"
        self._staging = folder / "staging"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Alone here: pods may share a volume. Who waits gets what the other has brought."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as file:
            with suppress(OSError):  # a volume without locks is its pod's own, as most are
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def current(self) -> Snapshot | None:
        """The snapshot in use; None if there is none, or what it was made from is not known."""
        try:
            digest = (self._folder / MODEL).readlink().name
            told = json.loads(self._record(digest).read_text())
            made_from = frozenset((path, size, tag) for path, size, tag in told["made_from"])
            return Snapshot(digest, self._snapshots / digest, made_from, dict(told["sizes"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def stage(self, digest: str) -> "Staging":
        """Where a snapshot is put together; what an attempt for the same has left is still there."""
        for path in self._leftovers(self._staging, digest):
            _remove(path)
        staging = Staging(self._staging / digest, self._staging / f"{digest}.jsonl")
        staging.folder.mkdir(parents=True, exist_ok=True)
        return staging

    def put(
        self, digest: str, staging: "Staging", entries: Iterable[Entry], paths: Iterable[str]
    ) -> None:
        """Take what is staged into use, in one step, and remove what was in use before."""
        self._snapshots.mkdir(parents=True, exist_ok=True)
        sizes = {path: (staging.folder / path).stat().st_size for path in paths}
        told = {"made_from": [entry.identity for entry in entries], "sizes": sizes}
        target = self._snapshots / digest
        _remove(target)  # one that was not whole any more
        write_durably(self._record(digest), json.dumps(told).encode())
        os.replace(staging.folder, target)
        link = self._folder / f".{MODEL}"
        link.unlink(missing_ok=True)
        link.symlink_to(f"snapshots/{digest}")
        os.replace(link, self._folder / MODEL)
        for path in [*self._leftovers(self._snapshots, digest), self._staging]:
            _remove(path)

    def _record(self, digest: str) -> Path:
        return self._snapshots / f"{digest}.json"

    def _leftovers(self, folder: Path, digest: str) -> list[Path]:
        if not folder.is_dir():
            return []
        return [path for path in folder.iterdir() if path.name.partition(".")[0] != digest]


@dataclass(frozen=True)
class Staging:
    """Files on their way into a snapshot."""

    folder: Path
    journal: Path

    def arrived(self) -> frozenset[Identity]:
        """The entries whose files are there, whole."""
        found = set()
        for line in self.journal.read_bytes().splitlines() if self.journal.exists() else ():
            with suppress(ValueError, TypeError):  # a line that was being written, or was not all kept
                path, size, tag, length = json.loads(line)
                if _size(self.folder / path) == length:
                    found.add((path, size, tag))
        return frozenset(found)

    def note(self, entry: Entry) -> None:
        """Say that the file of an entry is there."""
        length = (self.folder / entry.path).stat().st_size
        with self.journal.open("a") as file:
            file.write(f"{json.dumps([*entry.identity, length])}\n")

    def clear(self, wanted: Iterable[str]) -> None:
        """Remove every file that is not wanted: half of one, above all."""
        keep = set(wanted)
        for directory, _, names in os.walk(self.folder):
            for path in (Path(directory, name) for name in names):
                if str(path.relative_to(self.folder)) not in keep:
                    path.unlink()

    def take(self, entry: Entry, snapshot: Snapshot) -> None:
        """Have the file of an entry from a snapshot, without a second copy where the volume can that."""
        source, target = snapshot.folder / entry.path, self.folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(source)
        except OSError:
            shutil.copy2(source, target)
        self.note(entry)


def write_durably(path: Path, content: bytes) -> None:
    """A file with that content, whole or not at all."""
    staged = path.with_name(f".{path.name}")
    with staged.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(staged, path)


def used_bytes(folder: Path) -> int:
    """What all files below a folder have; what has two names counts once."""
    sizes: dict[int, int] = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                stat = Path(directory, name).lstat()
                sizes[stat.st_ino] = stat.st_size
    return sum(sizes.values())


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
