"""The results of trying models out, as files that a restarted server finds."""

import logging
import time
from pathlib import Path

_log = logging.getLogger(__name__)

# A restart finds them; a server that starts anew another day measures the machine as it is then.
LONGEST_AGE_SECONDS = 3600.0


class TrialFiles:
    """Keeps results in a folder; without one nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            if path is None or time.time() - path.stat().st_mtime > LONGEST_AGE_SECONDS:
                return None
            return path.read_bytes()
        except OSError:
            return None

    def save(self, key: str, results: bytes) -> None:
        path = self._path(key)
        if path is None:
            return
        partial = path.with_suffix(".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(results)
            partial.replace(path)
        except OSError as error:
            _log.warning("calibration is not kept for a restart: %s", error)

    def _path(self, key: str) -> Path | None:
        return self._folder / f"{key}.json" if self._folder else None
