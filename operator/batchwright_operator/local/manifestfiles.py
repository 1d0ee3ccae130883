"""The manifest files: read once, then watched for edits."""

from collections.abc import Iterable
from pathlib import Path

from batchwright_operator.resources.manifests import (
    Fault,
    InvalidManifests,
    check_names,
    parse_manifests,
)
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.digest import digest
from batchwright_server.config.problems import Problem


def load_manifests(files: Iterable[Path]) -> tuple[ModelServer, ...]:
    """The ModelServers in all files. Raises InvalidManifests with the faults of every file."""
    faults: list[Fault] = []
    found: list[tuple[str, ModelServer]] = []
    for file in files:
        try:
            parsed = parse_manifests(_read(file), file=str(file))
            found += [(str(file), server) for server in parsed]
        except InvalidManifests as error:
            faults += error.faults
    faults += check_names(tuple(found))
    if faults:
        raise InvalidManifests(tuple(faults))
    return tuple(server for _, server in found)


class Watch:
    """Tells when the files' content has changed.

    A change counts when it is seen twice: an editor's half-written file may well be valid YAML.
    """

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self._stamps = self._stat()
        self._told = self._candidate = self._digest()

    def poll(self) -> bool:
        """Whether there is a change that has not been told yet and has stayed since the last look."""
        stamps = self._stat()
        if stamps != self._stamps:
            self._stamps = stamps
            self._candidate = self._digest()
            return False
        if self._candidate == self._told:
            return False
        self._told = self._candidate
        return True

    def _stat(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(file) for file in self._files)

    def _digest(self) -> tuple[str, ...]:
        return tuple(_content_digest(file) for file in self._files)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem("", f"cannot be read: {error}")
        raise InvalidManifests((Fault(str(file), None, problem),)) from error


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _content_digest(file: Path) -> str:
    try:
        return digest(file.read_bytes())
    except OSError:
        return ""
