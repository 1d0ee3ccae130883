"""Cores that jobs share moment by moment: each uses at most what its span allows."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Done = Callable[[], None]
NEVER = float("inf")


class Processor:
    """Jobs in virtual time, which stands for the progress of one that is never held up.

    Where the jobs want more cores than there are, all are slowed by the same factor, so they finish in
    the order of their virtual ends and no job has to be looked at before.
    """

    def __init__(self, cores: float) -> None:
        self.now = 0.0
        self.cpu_seconds = 0.0
        self._cores = cores
        self._virtual = 0.0
        self._wanted = 0.0  # cores that the running jobs would use
        self._running: list[tuple[float, int, float, Done]] = []
        self._timers: list[tuple[float, int, Done]] = []
        self._numbers = count()

    def start(self, work: float, span: float, done: Done) -> None:
        """Run `work` core-seconds that take `span` seconds alone, then call `done`."""
        cores = min(work / span, self._cores)
        self._wanted += cores
        heappush(self._running, (self._virtual + work / cores, next(self._numbers), cores, done))

    def call_at(self, at: float, done: Done) -> None:
        """Call `done` at that time."""
        heappush(self._timers, (at, next(self._numbers), done))

    def step(self, end: float) -> bool:
        """Go on to the next thing that happens; false where nothing more happens before `end`."""
        share = min(1.0, self._cores / self._wanted) if self._wanted > 0 else 1.0
        timer = self._timers[0][0] if self._timers else NEVER
        finish = self.now + (self._running[0][0] - self._virtual) / share if self._running else NEVER
        at = max(min(timer, finish, end), self.now)
        elapsed = at - self.now
        self._virtual += elapsed * share
        self.cpu_seconds += elapsed * share * self._wanted
        self.now = at
        if min(timer, finish) > end:
            return False
        if finish <= timer:
            _, _, cores, done = heappop(self._running)
            self._wanted = self._wanted - cores if self._running else 0.0
        else:
            _, _, done = heappop(self._timers)
        done()
        return True
