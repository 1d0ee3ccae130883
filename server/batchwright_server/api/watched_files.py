"""What is read from files, and read again when they change."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")


class WatchedFiles(Generic[T]):
    """The value of some files as they are now; what cannot be used leaves the value that was there.

    Files are looked at when the value is asked for, so that there is nothing to start or to stop. A file
    replaced through a link, as Kubernetes replaces those of a volume, is a file that changed. Any thread
    may ask.
    """

    def __init__(self, paths: Sequence[Path], parse: Callable[[Sequence[bytes]], T]) -> None:
        self._paths = tuple(paths)
        self._parse = parse
        self._lock = threading.Lock()  # asked by gRPC's threads too
        self._seen: object = None
        self._value: T | None = None

    def current(self) -> T:
        """The value. Raises OSError if the files could never be used."""
        with self._lock:
            seen = [_identity(path) for path in self._paths]
            if self._value is None:
                self._value = self._read()
            elif seen != self._seen:
                self._renew()
            # Looked at before reading: what is written meanwhile shows as a change at the next time.
            self._seen = seen
            return self._value

    def _renew(self) -> None:
        try:
            self._value = self._read()
        except OSError as error:
            _log.error("what was read before stays in use: %s", error)
        else:
            _log.info("%s: read again", self._name())

    def _read(self) -> T:
        try:
            return self._parse([path.read_bytes() for path in self._paths])
        except (OSError, ValueError) as error:
            raise OSError(f"{self._name()}: {error}") from error

    def _name(self) -> str:
        return ", ".join(map(str, self._paths))


def _identity(path: Path) -> object:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
