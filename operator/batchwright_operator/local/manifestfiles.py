"""The manifest files: read once, then watched for edits."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from batchwright_operator.resources import loader
from batchwright_operator.resources.attachment import Manifests, attach
from batchwright_operator.resources.manifests import (
    Fault,
    InvalidManifests,
    Resource,
    check_names,
    parse_manifests,
)
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.digest import digest
from batchwright_server.config.problems import Problem

STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Contents:
    """What the files held when they were read; of one that could not be read, why."""

    by_file: tuple[tuple[Path, bytes | OSError], ...]

    @classmethod
    def read(cls, files: Iterable[Path]) -> "Contents":
        """The files as they are now."""
        return cls(tuple((file, _read(file)) for file in files))

    @property
    def files(self) -> tuple[Path, ...]:
        """Where it was read from."""
        return tuple(file for file, _ in self.by_file)

    @property
    def digest(self) -> tuple[str, ...]:
        """Equal for equal contents."""
        return tuple("" if isinstance(item, OSError) else digest(item) for _, item in self.by_file)

    def parse(self) -> tuple[ModelServer, ...]:
        """The ModelServers in all files, each with its Pipelines. Raises InvalidManifests."""
        return self.parse_all().servers

    def parse_all(self) -> Manifests:
        """The objects in all files. Raises InvalidManifests with the faults of every file."""
        faults: list[Fault] = []
        found: list[tuple[str, Resource]] = []
        for file, content in self.by_file:
            name = "standard input" if file == STANDARD_INPUT else str(file)
            try:
                parsed = parse_manifests(_decode(name, content), file=name)
                found += [(name, item) for item in parsed]
            except InvalidManifests as error:
                faults += error.faults
        faults += check_names(tuple(found))
        if faults:
            raise InvalidManifests(tuple(faults))
        return attach(item for _, item in found)


def load_manifests(files: Iterable[Path]) -> Manifests:
    """The objects in all files. Raises InvalidManifests with the faults of every file."""
    return Contents.read(files).parse_all()


class Watch:
    """Tells when the files are no longer what they were when `contents` were read.

    A change counts when it is seen twice: an editor's half-written file may well be valid YAML.
    """

    def __init__(self, contents: Contents) -> None:
        self._seen = contents
        self._told = contents.digest
        self._stamps: tuple[object, ...] = ()  # none yet: the first look reads

    def poll(self) -> Contents | None:
        """A change that has not been told yet and has stayed since the last look."""
        stamps = tuple(_stamp(file) for file in self._seen.files)
        if stamps != self._stamps:
            self._stamps = stamps
            self._seen = Contents.read(self._seen.files)
            return None
        if self._seen.digest == self._told:
            return None
        self._told = self._seen.digest
        return self._seen


def _read(file: Path) -> bytes | OSError:
    try:
        if file == STANDARD_INPUT:
            return sys.stdin.buffer.read(loader.MAX_BYTES + 1)
        with file.open("rb") as opened:
            return opened.read(loader.MAX_BYTES + 1)  # more is refused when it is parsed
    except OSError as error:
        return error


def _decode(file: str, content: bytes | OSError) -> str:
    try:
        if isinstance(content, OSError):
            raise content
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem("", f"cannot be read: {error}")
        raise InvalidManifests((Fault(file, None, problem),)) from error


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
