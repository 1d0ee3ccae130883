"""What the reload strategy would have done with the traffic that another strategy serves.

A shadow of its compiled cache with one virtual compile worker: a miss of a size that is being compiled
joins that reload, and a size serves from the moment its virtual reload is finished.
"""

from batchwright_server.core.residency import Residency


class ReloadShadow:
    """Counts the reloads a reload strategy with `max_entries` compiled sizes would have made."""

    def __init__(self, max_entries: int, reload_seconds: float) -> None:
        self._resident = Residency(max_entries)
        self._reload_seconds = reload_seconds
        self._compiling: dict[int, float] = {}  # size -> when its virtual reload is finished, in order
        self.reloads = 0

    def resize(self, max_entries: int) -> None:
        """Go on as a cache of `max_entries`; the count goes on too."""
        self._resident.resize(max_entries)

    def observe(self, size: int, now: float) -> None:
        """Note a request of `size` samples at `now` (seconds, any fixed origin)."""
        self._finish_reloads(now)
        if size in self._resident:
            self._resident.touch(size)
        elif size not in self._compiling:
            worker_free = max([now, *self._compiling.values()])
            self._compiling[size] = worker_free + self._reload_seconds
            self.reloads += 1

    def _finish_reloads(self, now: float) -> None:
        for size, finished in list(self._compiling.items()):
            if finished <= now:
                del self._compiling[size]
                self._resident.admit(size)
