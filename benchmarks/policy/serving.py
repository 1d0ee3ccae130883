"""How each plan serves requests in simulated time: what it runs, and what it makes wait."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from batchwright_server.config.plan import Plan, Strategy, Streams
from benchmarks.policy.caches import Kept
from benchmarks.policy.processor import Done, Processor
from benchmarks.policy.profiles import Costs, Profile


@dataclass(frozen=True)
class Limits:
    """The settings of a simulated server that strategies read."""

    cache_entries: int = 4
    is_split: bool = False  # reload's onMiss: Split
    buckets: tuple[int, ...] = (1, 4, 16)


@dataclass
class Tally:
    """What the server counts beside requests."""

    reloads: int = 0
    reload_seconds: float = 0.0


@dataclass
class Place:
    """Where strategies run: the cores, the one compile worker, and the truth."""

    processor: Processor
    worker: "CompileWorker"
    profile: Profile
    limits: Limits
    tally: Tally
    noise: Callable[[], float]


class Serving(Protocol):
    """A strategy at work."""

    def take(self, size: int, done: Done) -> None:
        """Serve one request."""

    def retire(self) -> list[tuple[int, Done]]:
        """Take no more; gives the requests that still wait for a reload."""


class CompileWorker:
    """One compilation at a time, in order."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self._waiting: deque[tuple[float, float, Done]] = deque()
        self._is_busy = False

    def run(self, work: float, span: float, done: Done) -> None:
        """Compile, once all that came before is compiled."""
        self._waiting.append((work, span, done))
        self._next()

    def _next(self) -> None:
        if self._is_busy or not self._waiting:
            return
        work, span, done = self._waiting.popleft()
        self._is_busy = True
        self._processor.start(work, span, lambda: self._end(done))

    def _end(self, done: Done) -> None:
        self._is_busy = False
        done()
        self._next()


class Gate:
    """At most so many inferences at a time; the others wait in line."""

    def __init__(self, processor: Processor, streams: int) -> None:
        self._processor = processor
        self._free = streams
        self._line: deque[tuple[float, float, Done]] = deque()

    def run(self, work: float, span: float, done: Done) -> None:
        """Infer as soon as a stream is free."""
        if not self._free:
            self._line.append((work, span, done))
            return
        self._free -= 1
        self._processor.start(work, span, lambda: self._end(done))

    def _end(self, done: Done) -> None:
        self._free += 1
        if self._line:
            self.run(*self._line.popleft())
        done()


class Whole:
    """Every request as it is: fixed, dynamic, and demultiplex, whose shards share all streams."""

    def __init__(self, place: Place, plan: Plan) -> None:
        streams = stream_count(plan, place.profile)
        # Shards of several requests take turns on the streams, so their requests overlap.
        is_shared = plan.strategy is Strategy.DEMULTIPLEX and streams > 1
        self._gate = Gate(place.processor, 1000 if is_shared else streams)
        self._costs = place.profile.plans[plan].run
        self._noise = place.noise

    def take(self, size: int, done: Done) -> None:
        factor = self._noise()
        self._gate.run(factor * self._costs.work.at(size), factor * self._costs.span.at(size), done)

    def retire(self) -> list[tuple[int, Done]]:
        return []


class Padding:
    """buckets: padded up to the next compiled size; larger than the largest, in several pieces."""

    def __init__(self, place: Place, plan: Plan) -> None:
        self._gate = Gate(place.processor, stream_count(plan, place.profile))
        self._costs = place.profile.compiled(plan.streams)
        self._buckets = place.limits.buckets
        self._noise = place.noise

    def take(self, size: int, done: Done) -> None:
        work = span = 0.0
        for piece in pieces(size, self._buckets):
            work += self._costs.work.at(piece)
            span += self._costs.span.at(piece)
        factor = self._noise()
        self._gate.run(factor * work, factor * span, done)

    def retire(self) -> list[tuple[int, Done]]:
        return []


class Reloading:
    """reload: one compiled model per size; a miss waits for the worker, or is answered in pieces."""

    def __init__(self, place: Place, plan: Plan, first: int) -> None:
        self._place = place
        self._costs = place.profile.compiled(plan.streams)
        self._reload = place.profile.reload[plan.streams]
        self._gate = Gate(place.processor, stream_count(plan, place.profile))
        self._kept = Kept(place.limits.cache_entries, first)
        self._waiting: dict[int, list[Done]] = {}  # oldest first
        self._owed: dict[int, float] = {}  # Split: what a size has cost beyond its own inference
        self._compiling: int | None = None
        self._is_retired = False

    def take(self, size: int, done: Done) -> None:
        if self._kept.has(size):
            self._run(self._costs, (size,), done)
        elif self._place.limits.is_split:
            self._split(size, done)
        else:
            self._waiting.setdefault(size, []).append(done)
            self._compile()

    def retire(self) -> list[tuple[int, Done]]:
        self._is_retired = True
        waiting, self._waiting = self._waiting, {}
        return [(size, done) for size, line in waiting.items() for done in line]

    def _run(self, costs: Costs, sizes: tuple[int, ...], done: Done) -> None:
        factor = self._place.noise()
        work = factor * sum(costs.work.at(size) for size in sizes)
        self._gate.run(work, factor * sum(costs.span.at(size) for size in sizes), done)

    def _split(self, size: int, done: Done) -> None:
        shards = pieces(size, self._kept.rising)
        self._run(self._costs, shards, done)
        extra = sum(self._costs.work.at(it) for it in shards) - self._costs.work.at(size)
        self._owed[size] = self._owed.get(size, 0.0) + max(extra, 0.0)
        if self._owed[size] >= self._reload.work.at(size) and size not in self._waiting:
            self._owed[size] = 0.0
            self._waiting[size] = []
            self._compile()

    def _compile(self) -> None:
        if self._compiling is not None or not self._waiting or self._is_retired:
            return
        size = self._compiling = next(iter(self._waiting))
        began = self._place.processor.now
        factor = self._place.noise()
        self._place.worker.run(
            factor * self._reload.work.at(size),
            factor * self._reload.span.at(size),
            lambda: self._compiled(size, began),
        )

    def _compiled(self, size: int, began: float) -> None:
        self._compiling = None
        self._place.tally.reloads += 1
        self._place.tally.reload_seconds += self._place.processor.now - began
        if self._is_retired:
            return
        self._kept.add(size)
        for done in self._waiting.pop(size, []):
            self._run(self._costs, (size,), done)
        self._compile()


def pieces(size: int, compiled: tuple[int, ...]) -> tuple[int, ...]:
    """The compiled sizes that together take `size` samples: the largest first, the last one padded."""
    found = []
    while size > compiled[-1]:
        found.append(compiled[-1])
        size -= compiled[-1]
    return (*found, next(it for it in compiled if it >= size))


def stream_count(plan: Plan, profile: Profile) -> int:
    """Inferences side by side: one, or as many as there are cores."""
    return 1 if plan.streams is Streams.ONE else profile.cores


def serving_of(place: Place, plan: Plan, *, first: int) -> Serving:
    """The strategy of `plan`; reload starts with `first` compiled."""
    if plan.strategy is Strategy.RELOAD:
        return Reloading(place, plan, first)
    if plan.strategy.value == "buckets":
        return Padding(place, plan)
    return Whole(place, plan)
