"""What the reload strategy would have done with the traffic that another strategy serves.

A shadow of its compiled cache with one virtual compile worker: a miss of a size that is being compiled
joins that reload, and a size serves from the moment its virtual reload is finished.
"""

from collections import deque

from batchwright_server.core.residency import Residency
from batchwright_server.core.tensors import Size


class ReloadShadow:
    """Tells the reloads that a reload strategy with `max_entries` compiled sizes would have made."""

    def __init__(self, max_entries: int, reload_seconds: float) -> None:
        self._resident = Residency(max_entries)
        self._reload_seconds = reload_seconds
        self._compiling: deque[tuple[float, Size]] = deque()  # when finished, and which size, in order
        self._joinable: set[Size] = set()
        self._worker_free = float("-inf")

    def resize(self, max_entries: int) -> None:
        """Go on as a cache of `max_entries`."""
        self._resident.resize(max_entries)

    def observe(self, size: Size, now: float) -> bool:
        """Note a request of `size` at `now` (seconds); gives whether that made a reload."""
        while self._compiling and self._compiling[0][0] <= now:
            _, finished = self._compiling.popleft()
            self._joinable.discard(finished)
            self._resident.admit(finished)
        if size in self._resident:
            self._resident.touch(size)
            return False
        if size in self._joinable:
            return False
        self._worker_free = max(now, self._worker_free) + self._reload_seconds
        self._compiling.append((self._worker_free, size))
        self._joinable.add(size)
        return True
