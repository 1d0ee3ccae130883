"""Files that the operator is given: keys of pods' admin ports, and where pods are really reached."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)


class FileFault(Exception):
    """A file that the operator cannot begin without."""


class AdminKeys:
    """The keys in a file, a line each, the newest first; read again when the file changes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at: int | None = None
        self._keys: tuple[bytes, ...] = ()
        if path is not None and not self._read(path):
            raise FileFault(f"{path}: no key in it; expected one a line, the newest first")

    def __call__(self) -> tuple[bytes, ...]:
        """The keys; of a file that went bad the last good ones."""
        if self._path is not None:
            self._read(self._path)
        return self._keys

    def _read(self, path: Path) -> bool:
        try:
            changed_at = path.stat().st_mtime_ns
            if changed_at == self._read_at:
                return True
            keys = tuple(line.strip() for line in path.read_bytes().splitlines() if line.strip())
        except OSError as error:
            _log.warning("The file of keys cannot be read", extra={"fields": {"error": str(error)}})
            return False
        if keys:
            self._keys, self._read_at = keys, changed_at
        return bool(keys)


def pod_resolver(path: Path | None) -> Callable[[str], str] | None:
    """By a JSON file of addresses, which may change: where a pod's address is really reached."""
    if path is None:
        return None

    def resolve(host: str) -> str:
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return host
        return str(found.get(host, host))

    return resolve
