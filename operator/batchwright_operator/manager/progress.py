"""Whether the queue moves: runs end, and what is due is taken up where a worker is free."""

from collections.abc import Callable
from dataclasses import dataclass, field

from batchwright_operator.workqueue.keyed import Stats

RUN_SECONDS = 60.0
"""The longest that a run may take; then it is cancelled, and run again."""
STUCK_SECONDS = 20.0
"""Beyond that: a run that has not ended since cannot be cancelled."""
IDLE_SECONDS = 60.0
"""So long, nothing may wait while a worker is free."""


@dataclass
class Progress:
    """A look at the queue whenever the probe asks. `is_serving` tells whether runs are begun at all."""

    stats: Callable[[], Stats]
    workers: int
    is_serving: Callable[[], bool]
    clock: Callable[[], float]
    _runs: int = field(default=-1, init=False)
    _idle_since: float = field(default=0.0, init=False)

    def check(self) -> str:
        """What is wrong with the queue."""
        stats, now = self.stats(), self.clock()
        if stats.longest_run > RUN_SECONDS + STUCK_SECONDS:
            return f"a run has not ended for {stats.longest_run:.0f} s"
        is_idle = self.is_serving() and stats.due > 0 and stats.running < self.workers
        if not is_idle or stats.runs != self._runs:
            self._runs, self._idle_since = stats.runs, now
        if now - self._idle_since <= IDLE_SECONDS:
            return ""
        return f"{stats.due} objects wait and no run begins for {now - self._idle_since:.0f} s"
