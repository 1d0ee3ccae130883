"""How far a download is, told every few seconds."""

import logging
import threading
import time
from collections.abc import Callable

_EVERY_SECONDS = 5.0
_MEBIBYTE = 1 << 20
_log = logging.getLogger(__name__)


class Progress:
    """Counts what arrives, from any thread. `clock` gives seconds that never go back."""

    def __init__(
        self,
        model: str,
        total_bytes: int,
        total_files: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model, self._total_bytes, self._total_files = model, total_bytes, total_files
        self._clock = clock
        self._lock = threading.Lock()
        self._bytes = self._files = 0
        self._began = self._told = clock()

    @property
    def bytes(self) -> int:
        """How many bytes have arrived."""
        return self._bytes

    def add_bytes(self, count: int) -> None:
        """So many bytes have arrived."""
        with self._lock:
            self._bytes += count
            now = self._clock()
            if now - self._told >= _EVERY_SECONDS:
                self._told = now
                self._tell("fetching")

    def add_file(self) -> None:
        """One more file is whole."""
        with self._lock:
            self._files += 1

    def finish(self) -> None:
        """Tell the whole of it."""
        with self._lock:
            self._tell("fetched")

    def _tell(self, what: str) -> None:
        seconds = self._clock() - self._began
        fields = {
            "model": self._model,
            "files": f"{self._files}/{self._total_files}",
            "mebibytes": f"{self._bytes / _MEBIBYTE:.1f}/{self._total_bytes / _MEBIBYTE:.1f}",
            "seconds": round(seconds, 1),
        }
        _log.info("%s", what, extra={"fields": fields})
