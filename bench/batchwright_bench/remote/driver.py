"""Requests on their way: closed loop (so many at once) and open loop (when they are due)."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import grpc

from batchwright_bench.figures.outcomes import OK, Outcome
from batchwright_bench.load.sizes import Sizes

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)

Draws = Iterator[float]
Due = tuple[float, int]  # seconds since the run began, and a batch size


@dataclass(frozen=True)
class Bounds:
    """When a run ends, and what of it is not timed. Without `requests`: by time alone."""

    seconds: float
    warm_up_seconds: float = 0.0
    requests: int | None = None
    timeout_seconds: float = 60.0

    @property
    def end(self) -> float:
        """When no further request is begun, in seconds since the run began."""
        return self.warm_up_seconds + self.seconds


@dataclass
class Run:
    """One run over one channel; `requests` are ready as bytes, by batch size."""

    channel: grpc.aio.Channel
    path: str
    requests: Mapping[int, bytes]
    bounds: Bounds
    watch: Callable[[Outcome], None] = lambda _: None
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        # No serializers: bytes go out as they are, and answers are not read, so that this process costs
        # the least that it can.
        self._call = self.channel.unary_unary(self.path, None, None)
        self._began = time.perf_counter()
        self._begun_requests = 0

    async def warm(self) -> None:
        """Each size once, one after the other, so that first times are in no figure.

        Raises AioRpcError with the server's own words.
        """
        for request in self.requests.values():
            await self._call(request, timeout=self.bounds.timeout_seconds)

    async def closed(self, sizes: Sizes, draws: Draws, concurrency: int) -> None:
        """So many clients, each with its next request when it has its answer."""
        self._began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(self._ask_again_and_again(sizes, draws))

    async def open(self, due: Iterable[Due], outstanding: int) -> None:
        """Each request when it is due, whatever became of those before.

        At most so many are on their way at once; one that waits for its turn has that in its latency.
        """
        self._began = time.perf_counter()
        turns = asyncio.Semaphore(outstanding)
        async with asyncio.TaskGroup() as group:
            for seconds, size in due:
                if not self._may_begin(seconds):
                    return
                await asyncio.sleep(max(seconds - self._now(), 0.0))
                await turns.acquire()
                group.create_task(self._ask(size, seconds)).add_done_callback(lambda _: turns.release())

    async def _ask_again_and_again(self, sizes: Sizes, draws: Draws) -> None:
        while self._may_begin(now := self._now()):
            await self._ask(sizes.at(self._begun_requests - 1, next(draws)), now)

    def _may_begin(self, seconds: float) -> bool:
        """Whether one more request, meant for then, belongs to the run; it is counted."""
        limit = self.bounds.requests
        is_over = seconds >= self.bounds.end or (limit is not None and self._begun_requests >= limit)
        self._begun_requests += not is_over
        return not is_over

    async def _ask(self, size: int, intended: float) -> None:
        sent, code = self._now(), OK
        try:
            await self._call(self.requests[size], timeout=self.bounds.timeout_seconds)
        except grpc.aio.AioRpcError as error:
            code = error.code().name
        is_timed = intended >= self.bounds.warm_up_seconds
        outcome = Outcome(intended, sent, self._now(), size, code, is_timed)
        self.outcomes.append(outcome)
        self.watch(outcome)

    def _now(self) -> float:
        return time.perf_counter() - self._began
