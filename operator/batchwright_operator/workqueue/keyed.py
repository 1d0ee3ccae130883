"""Keys that are to be run: each when it is due, one run at a time, none lost and none starved.

Nothing here waits; `workers.py` does.
"""

import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from batchwright_operator.workqueue.backoff import Backoff

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Stats:
    """A look at the queue; times in seconds."""

    due: int  # wait for a worker
    scheduled: int  # due later
    running: int
    failing: int  # their last run failed
    oldest_wait: float
    longest_run: float
    runs: int  # begun so far


class KeyedQueue(Generic[Key]):
    """The queue. `clock` gives seconds that only grow.

    Requests for one key are one: the earliest time wins. Of keys that are due, the one that has been
    for longest is next. After a failure no request brings a key forward before its back-off is over.
    """

    def __init__(self, clock: Callable[[], float], backoff: Backoff) -> None:
        self._clock = clock
        self._backoff = backoff
        self._heap: list[tuple[float, int, Key]] = []  # entries that _waiting does not confirm are void
        self._waiting: dict[Key, tuple[float, int]] = {}
        self._running: dict[Key, float] = {}  # since when
        self._again: dict[Key, float] = {}  # asked for while running
        self._failures: dict[Key, int] = {}
        self._held_until: dict[Key, float] = {}
        self._sequence = 0
        self._runs = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting or key in self._running

    def add(self, key: Key) -> None:
        """Run it as soon as can be."""
        self.add_at(key, self._clock())

    def add_at(self, key: Key, when: float) -> None:
        """Run it at `when`, or earlier if that was asked for before."""
        if key in self._running:
            self._again[key] = min(when, self._again.get(key, when))
            return
        when = max(when, self._held_until.get(key, when))
        if key not in self._waiting or when < self._waiting[key][0]:
            self._sequence += 1
            self._waiting[key] = (when, self._sequence)
            heapq.heappush(self._heap, (when, self._sequence, key))

    def take(self) -> Key | None:
        """A key that is due; it runs from now on, until `done`. None if there is none."""
        now, head = self._clock(), self._head()
        if head is None or head[0] > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._waiting[key]
        self._held_until.pop(key, None)
        self._running[key] = now
        self._runs += 1
        return key

    def done(self, key: Key) -> None:
        """Its run went well."""
        self._failures.pop(key, None)
        self._end(key)

    def fail(self, key: Key, *, at_least: float = 0.0) -> float:
        """Its run failed: the next one is after the back-off, which is given, and `at_least` seconds."""
        self._failures[key] = self._failures.get(key, 0) + 1
        delay = max(at_least, self._backoff.delay(self._failures[key]))
        self._held_until[key] = self._clock() + delay
        self._again[key] = self._held_until[key]
        self._end(key)
        return delay

    def next_in(self) -> float | None:
        """Seconds until a key is due, 0 if one is; None if none waits."""
        head = self._head()
        return None if head is None else max(0.0, head[0] - self._clock())

    def stats(self) -> Stats:
        """How full it is and how well it moves."""
        now = self._clock()
        waits = [now - when for when, _ in self._waiting.values() if when <= now]
        return Stats(
            due=len(waits),
            scheduled=len(self._waiting) - len(waits),
            running=len(self._running),
            failing=len(self._failures),
            oldest_wait=max(waits, default=0.0),
            longest_run=max((now - since for since in self._running.values()), default=0.0),
            runs=self._runs,
        )

    def _end(self, key: Key) -> None:
        del self._running[key]
        again = self._again.pop(key, None)
        if again is not None:
            self.add_at(key, again)

    def _head(self) -> tuple[float, int, Key] | None:
        while self._heap:
            when, sequence, key = self._heap[0]
            if self._waiting.get(key) == (when, sequence):
                return self._heap[0]
            heapq.heappop(self._heap)
        return None
