"""The files of a model as a store lists them, and where each belongs in the repository."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from batchwright_server.sources.faults import FetchFailed

_LONGEST_NAME = 255  # bytes of one part of a path, on every file system of Linux
_LONGEST_PATH = 1024


@dataclass(frozen=True)
class Entry:
    """One file: `path` in the repository, `remote` as the store knows it.

    `tag` changes when the content does. Where it is empty the store tells nothing by which a change
    could be seen, and where `size` is None not how long the file is.
    """

    path: str
    remote: str
    size: int | None
    tag: str

    @property
    def identity(self) -> tuple[str, int | None, str]:
        """What is the same as long as the file is."""
        return self.path, self.size, self.tag


@dataclass(frozen=True)
class Listing:
    """What is to be brought: files as they are, or one archive to be unpacked."""

    entries: tuple[Entry, ...]
    is_archive: bool = False

    @property
    def is_traceable(self) -> bool:
        """Whether every change would be seen."""
        return all(entry.tag for entry in self.entries)

    @property
    def known_bytes(self) -> int:
        """What all files with a known size have together."""
        return sum(entry.size or 0 for entry in self.entries)

    def digest(self, selection: str) -> str:
        """The same for the same files, of which `selection` says what is kept of an archive."""
        found = [sorted(entry.identity for entry in self.entries), self.is_archive, selection]
        return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:20]


def check_path(path: str) -> str:
    """The path, which stays inside of the folder that it is taken from. Raises FetchFailed."""
    parts = path.split("/")
    is_odd = any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts)
    is_long = len(path.encode("utf-8", "replace")) > _LONGEST_PATH
    if is_odd or is_long or any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME for part in parts):
        raise FetchFailed(
            f"it lists a file {path[:120]!r}; expected names that stay inside the folder, of at most "
            f"{_LONGEST_PATH} bytes: rename or remove it"
        )
    return path


def check_paths(paths: Iterable[str]) -> None:
    """Raise FetchFailed if a path is there twice, or is both a file and a folder."""
    seen: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        if check_path(path) in seen:
            raise FetchFailed(f"it lists the file {path!r} twice; remove one of them")
        seen.add(path)
        parts = path.split("/")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    both = min(seen & folders, default="")
    if both:
        raise FetchFailed(f"it lists {both!r} both as a file and as a folder; remove one of them")
