"""The reload queue: where requests wait for a reload of their model to their batch size.

A request whose batch size is compiled runs at once, also while another size compiles. Requests for
the same missing size share one reload. Sizes are served in the order of their oldest waiting request,
so none starves, and each is looked up again when its turn comes. Every wait ends: by a lease, by the
request's deadline, by the queue's own limit, by a failed compilation, or because the client left.

An evicted size takes no new requests, finishes those it has, and is freed; the next reload begins when
it is, so at most `max_entries` + 1 compiled models are alive at any time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from batchwright_server import errors
from batchwright_server.config.batching import Reload
from batchwright_server.core.residency import Residency
from batchwright_server.core.tensors import BatchRange
from batchwright_server.runtime import meters, ports
from batchwright_server.runtime.inference_pool import InferencePool


class Retired(Exception):
    """The queue closed before this request's turn: it is to be taken elsewhere."""


class ReloadReason(StrEnum):
    """Why a reload was needed."""

    NEW_SIZE = "new_size"
    EVICTED = "evicted"


class Rejection(StrEnum):
    """Why a request left the queue without a lease."""

    FULL = "full"
    MAX_WAIT = "max_wait"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    COMPILATION = "compilation"


@dataclass(eq=False)
class _Compiled:
    """One compiled batch size and the requests that hold it."""

    pool: InferencePool
    leases: int = 0
    evicted: bool = False


class Lease:
    """The right to run one request on a compiled size; must be released."""

    def __init__(self, compiled: _Compiled, freed: Callable[[_Compiled], None]) -> None:
        self._compiled = compiled
        self._freed = freed
        compiled.leases += 1

    @property
    def pool(self) -> InferencePool:
        """Where to run."""
        return self._compiled.pool

    def release(self) -> None:
        """Give the right back."""
        self._compiled.leases -= 1
        self._freed(self._compiled)


@dataclass(eq=False)
class _Waiter:
    since: float
    lease: asyncio.Future[Lease]


Compile = Callable[[BatchRange], Awaitable[InferencePool]]


class ReloadQueue:
    """The compiled sizes of one servable, and the requests that wait for another."""

    def __init__(
        self, compile_batch: Compile, limits: Reload, *, meter: meters.ReloadMeters, clock: ports.Clock
    ) -> None:
        self._compile_batch = compile_batch
        self._limits = limits
        self._meter = meter
        self._clock = clock
        self._resident = Residency(limits.compiled_cache.max_entries)
        self._compiled: dict[int, _Compiled] = {}
        self._evicted: set[_Compiled] = set()  # those that still run requests
        self._evicted_freed = asyncio.Event()
        self._evicted_freed.set()
        self._waiting: dict[int, deque[_Waiter]] = {}
        self._failed: dict[int, errors.CompilationFailed] = {}
        self._seen: set[int] = set()
        self._reloading: asyncio.Task[None] | None = None
        self._retired = False

    @property
    def depth(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._waiting.values()))

    async def warm(self, size: int) -> None:
        """Compile `size` ahead of any request. Raises CompilationFailed."""
        self._admit(size, _Compiled(await self._compile_batch(BatchRange.only(size))))

    async def acquire(self, size: int, deadline: float) -> Lease:
        """A lease on a model compiled for `size`; waits until `deadline` (on the loop's clock) at most.

        Raises QueueFull, WaitTooLong, DeadlineExceeded, CompilationFailed, or Retired.
        """
        compiled = self._compiled.get(size)
        if compiled is not None:
            self._resident.touch(size)
            return Lease(compiled, self._release)
        self._check_admissible(size)
        return await self._wait(size, deadline)

    async def retire(self) -> None:
        """Send all that wait elsewhere, let all that run finish, and free everything."""
        self._retired = True
        for size in list(self._waiting):
            self._dismiss(size, Retired())
        if self._reloading is not None:
            await self._reloading
        for size in list(self._compiled):
            self._evict(size)
        self._meter.compiled_models = 0
        await self._evicted_freed.wait()

    def _check_admissible(self, size: int) -> None:
        if self._retired:
            raise Retired
        if size in self._failed:
            self._meter.rejected[Rejection.COMPILATION] += 1
            raise self._failed[size]
        if self.depth >= self._limits.queue.max_requests:
            self._meter.rejected[Rejection.FULL] += 1
            raise errors.QueueFull(self._limits.queue.max_requests)

    async def _wait(self, size: int, deadline: float) -> Lease:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(self._clock(), loop.create_future())
        self._waiting.setdefault(size, deque()).append(waiter)
        self._meter.queue_depth = self.depth
        self._start_reloading()
        timer = self._start_timer(waiter, size, deadline)
        try:
            return await waiter.lease
        except asyncio.CancelledError:
            self._meter.rejected[Rejection.CANCELLED] += 1
            _give_back(waiter)
            raise
        finally:
            timer.cancel()
            self._forget(waiter, size)
            self._meter.queue_wait_seconds.observe(self._clock() - waiter.since)

    def _start_timer(self, waiter: _Waiter, size: int, deadline: float) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        max_wait = self._limits.queue.max_wait_seconds
        longest = loop.time() + max_wait
        if deadline <= longest:
            late: errors.ServerError = errors.DeadlineExceeded(size)
            return loop.call_at(deadline, self._give_up, waiter, late, Rejection.DEADLINE)
        late = errors.WaitTooLong(max_wait, size)
        return loop.call_at(longest, self._give_up, waiter, late, Rejection.MAX_WAIT)

    def _give_up(self, waiter: _Waiter, error: errors.ServerError, why: Rejection) -> None:
        if not waiter.lease.done():
            self._meter.rejected[why] += 1
            waiter.lease.set_exception(error)

    def _forget(self, waiter: _Waiter, size: int) -> None:
        waiters = self._waiting.get(size)
        if waiters is not None and waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._waiting[size]
        self._meter.queue_depth = self.depth

    def _start_reloading(self) -> None:
        if self._reloading is None:
            self._reloading = asyncio.get_running_loop().create_task(self._reload_all(), name="reload")

    async def _reload_all(self) -> None:
        """Serve the waiting sizes, oldest request first, until none waits."""
        try:
            while (size := self._oldest_waiting()) is not None:
                if size not in self._compiled:
                    await self._reload(size)
                self._grant(size)
        finally:
            self._reloading = None

    def _oldest_waiting(self) -> int | None:
        """The size of the request that waits longest; those that gave up do not count."""
        for size, waiters in list(self._waiting.items()):
            while waiters and waiters[0].lease.done():
                waiters.popleft()
            if not waiters:
                del self._waiting[size]
        return min(self._waiting, key=lambda size: self._waiting[size][0].since, default=None)

    async def _reload(self, size: int) -> None:
        await self._evicted_freed.wait()
        if self._oldest_waiting() is None or size not in self._waiting:  # all of them left meanwhile
            return
        began = self._clock()
        try:
            pool = await self._compile_batch(BatchRange.only(size))
        except errors.CompilationFailed as error:
            self._failed[size] = error
            self._meter.rejected[Rejection.COMPILATION] += len(self._waiting.get(size, ()))
            self._dismiss(size, error)
            return
        self._meter.reloads[ReloadReason.EVICTED if size in self._seen else ReloadReason.NEW_SIZE] += 1
        self._meter.reload_seconds.observe(self._clock() - began)
        if not self._retired:
            self._admit(size, _Compiled(pool))

    def _admit(self, size: int, compiled: _Compiled) -> None:
        self._seen.add(size)
        self._compiled[size] = compiled
        evicted = self._resident.admit(size)
        self._grant(size)  # leases first, so that a full cache cannot evict what was just compiled
        for old in evicted:
            self._evict(old)
        self._meter.compiled_models = len(self._compiled)

    def _evict(self, size: int) -> None:
        compiled = self._compiled.pop(size)
        compiled.evicted = True
        self._evicted.add(compiled)
        self._evicted_freed.clear()
        self._free_if_unused(compiled)

    def _release(self, compiled: _Compiled) -> None:
        if compiled.evicted:
            self._free_if_unused(compiled)

    def _free_if_unused(self, compiled: _Compiled) -> None:
        if compiled.leases == 0:
            self._evicted.discard(compiled)
            if not self._evicted:
                self._evicted_freed.set()

    def _grant(self, size: int) -> None:
        compiled = self._compiled.get(size)
        if compiled is None:
            return
        for waiter in self._waiting.pop(size, ()):
            if not waiter.lease.done():
                waiter.lease.set_result(Lease(compiled, self._release))
        self._meter.queue_depth = self.depth

    def _dismiss(self, size: int, error: Exception) -> None:
        for waiter in self._waiting.pop(size, ()):
            if not waiter.lease.done():
                waiter.lease.set_exception(error)
        self._meter.queue_depth = self.depth


def _give_back(waiter: _Waiter) -> None:
    """Release a lease that was granted in the very moment its request was cancelled."""
    granted = waiter.lease
    if granted.done() and not granted.cancelled() and granted.exception() is None:
        granted.result().release()
