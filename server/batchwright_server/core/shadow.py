"""What the reload strategy would have done with the traffic that another strategy serves.

A small simulation of the real queue: the compiled sizes with the same rules of staying, one virtual
worker that compiles the sizes in the order of their oldest waiting request, one virtual device that
infers in turn. A request for a size that waits for its reload, or is being compiled, joins it; the
next reload begins when what an evicted size still runs is finished.

Its time is its own. Clients wait for their answers before they ask again; where the shadow has more
requests under way than there were clients at once lately, some would not have asked yet, so its time is
set forward until they would.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count

from batchwright_server.core.residency import Bounds, Residency
from batchwright_server.core.tensors import Size

_WINDOW = 128  # requests: enough for all clients to have met


@dataclass(frozen=True)
class Arrival:
    """A request as it came: when (seconds), how long it infers, and how many others were under way."""

    size: Size
    now: float
    infer_seconds: float = 0.0
    others: int | None = None  # None: not known, the shadow's time is that of the requests
    size_bytes: int = 0  # of a model compiled for its size


@dataclass(eq=False)
class _Copy:
    """One compiled model, and how many requests run on it."""

    running: int = 0
    is_evicted: bool = False


@dataclass(eq=False)
class _Reload:
    size: Size
    size_bytes: int
    waiting: list[float] = field(default_factory=list)  # the seconds that each will infer


class _MostLately:
    """The largest of the latest numbers: of at least one window's, of at most two."""

    def __init__(self) -> None:
        self._before = self._most = 0
        self._left = _WINDOW

    def note(self, number: int) -> int:
        """The largest, with this one."""
        self._most = max(self._most, number)
        self._left -= 1
        largest = max(self._most, self._before)
        if not self._left:
            self._before, self._most, self._left = self._most, 0, _WINDOW
        return largest


class ReloadShadow:
    """Counts the reloads that a reload strategy would have made.

    `compile_seconds`, what one takes, may be changed at any time.
    """

    def __init__(self, bounds: Bounds, compile_seconds: float) -> None:
        self.compile_seconds = compile_seconds
        self._resident = Residency(bounds)
        self._copies: dict[Size, _Copy] = {}
        self._reloads: dict[Size, _Reload] = {}
        self._queue: deque[_Reload] = deque()  # waiting for the worker
        self._compiling: tuple[float, _Reload] | None = None  # until when
        self._running: list[tuple[float, int, _Copy]] = []  # a heap by their ends
        self._order = count()
        self._leaving = 0  # evicted copies that still run something
        self._device_free = float("-inf")
        self._time = float("-inf")
        self._ahead = 0.0  # of real time
        self._others = _MostLately()

    def resize(self, bounds: Bounds) -> None:
        """Go on as a cache within `bounds`."""
        self._evict(self._resident.resize(bounds))

    def observe(self, arrival: Arrival) -> bool:
        """Note a request; gives whether it made a reload."""
        self._pass_until(arrival.now + self._ahead)
        if arrival.others is not None:
            self._catch_up(self._others.note(arrival.others))
            self._ahead = max(self._ahead, self._time - arrival.now)
        size = arrival.size
        self._resident.note(size)
        if (copy := self._copies.get(size)) is not None:
            self._run(copy, arrival.infer_seconds)
            return False
        if (joined := self._reloads.get(size)) is not None:
            joined.waiting.append(arrival.infer_seconds)
            return False
        reload = _Reload(size, arrival.size_bytes, [arrival.infer_seconds])
        self._reloads[size] = reload
        self._queue.append(reload)
        self._start_next()
        return True

    @property
    def _outstanding(self) -> int:
        return len(self._running) + sum(len(reload.waiting) for reload in self._reloads.values())

    def _catch_up(self, others: int) -> None:
        while self._outstanding > others:
            self._pass_until(self._next_event())

    def _next_event(self) -> float:
        ends = self._running[0][0] if self._running else float("inf")
        return min(ends, self._compiling[0]) if self._compiling else ends

    def _pass_until(self, now: float) -> None:
        while (event := self._next_event()) <= now:
            self._time = max(self._time, event)
            if self._running and self._running[0][0] <= event:
                self._finish_inference()
            else:
                self._finish_reload()
            self._start_next()
        self._time = max(self._time, now)

    def _finish_inference(self) -> None:
        _, _, copy = heapq.heappop(self._running)
        copy.running -= 1
        if copy.is_evicted and not copy.running:
            self._leaving -= 1

    def _start_next(self) -> None:
        if self._compiling is None and self._queue and not self._leaving:
            self._compiling = self._time + self.compile_seconds, self._queue.popleft()

    def _finish_reload(self) -> None:
        if self._compiling is None:
            return
        reload = self._compiling[1]
        self._compiling = None
        del self._reloads[reload.size]
        copy = self._copies[reload.size] = _Copy()
        evicted = self._resident.admit(reload.size, reload.size_bytes)
        for seconds in reload.waiting:
            self._run(copy, seconds)
        self._evict(evicted)

    def _run(self, copy: _Copy, seconds: float) -> None:
        self._device_free = max(self._device_free, self._time) + seconds
        copy.running += 1
        heapq.heappush(self._running, (self._device_free, next(self._order), copy))

    def _evict(self, sizes: list[Size]) -> None:
        for size in sizes:
            copy = self._copies.pop(size)
            copy.is_evicted = True
            self._leaving += bool(copy.running)
