"""The reload queue: where requests wait for a reload of their model to their size.

A size is a batch size, or the shapes of a model that takes any. A request whose size is compiled runs at
once, also while another size compiles. Requests for the same missing size share one reload. Sizes are
served in the order of their oldest waiting request, so none starves, and each is looked up again when
its turn comes. Every wait ends: by a lease, by the request's deadline, by the queue's own limit, by a
failed compilation, or because the client left.

The next reload begins when every evicted size is freed: at most one compiled model more than the cache
holds is alive at any time.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from batchwright_server import errors
from batchwright_server.config.batching import Reload
from batchwright_server.core.tensors import BatchRange, Compilable, Size, name_size
from batchwright_server.runtime import meters, ports, scopes, tracing
from batchwright_server.runtime.compiled_sizes import CompiledSizes, Lease
from batchwright_server.runtime.failed_sizes import MOST_SIZES, FailedSizes
from batchwright_server.runtime.inference_pool import InferencePool

_log = logging.getLogger(__name__)


class Retired(Exception):
    """The queue closed before this request's turn: it is to be taken elsewhere."""


class ReloadReason(StrEnum):
    """Why a reload was needed."""

    NEW_SIZE = "new_size"
    EVICTED = "evicted"


@dataclass(eq=False)
class _Waiter:
    since: float
    lease: asyncio.Future[Lease]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)  # the request's


Compile = Callable[[Compilable], Awaitable[InferencePool]]
# Each waiting request gets an exception of its own: one that is raised again and again collects a
# traceback of all who raised it, and keeps their tensors alive.
MakeError = Callable[[], Exception]


class ReloadQueue:
    """The compiled sizes of one servable, and the requests that wait for another."""

    def __init__(
        self,
        compile_size: Compile,
        limits: Reload,
        *,
        meter: meters.ReloadMeters,
        clock: ports.Clock,
    ) -> None:
        self._compile = compile_size
        self._limits = limits.queue
        self._meter = meter
        self._clock = clock
        self._sizes = CompiledSizes(limits.compiled_cache, meter)
        self._waiting: dict[Size, deque[_Waiter]] = {}
        self._ordered: dict[Size, float] = {}  # to be compiled though nobody waits, and since when
        self._failed = FailedSizes(clock)
        self._seen: set[Size] = set()
        self._reloading: asyncio.Task[None] | None = None
        self._retired = False
        self.compile_seconds = 0.0  # of the latest reload

    @property
    def compiled(self) -> tuple[Size, ...]:
        """The sizes that take requests."""
        return () if self._retired else tuple(self._sizes)

    @property
    def cache(self) -> CompiledSizes:
        """The compiled sizes, for who has to see to the memory."""
        return self._sizes

    @property
    def depth(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._waiting.values()))

    async def warm(self, size: Size) -> None:
        """Compile `size` ahead of any request. Raises CompilationFailed."""
        began = self._clock()
        pool = await self._compile(_compilable(size))
        self.compile_seconds = self._clock() - began
        self._admit(size, pool)

    async def acquire(self, size: Size, deadline: float) -> Lease:
        """A lease on a model compiled for `size`; waits until `deadline` (on the loop's clock) at most.

        Raises QueueFull, WaitTooLong, DeadlineExceeded, CompilationFailed, or Retired.
        """
        return self.lease(size) or await self.wait(size, deadline)

    def lease(self, size: Size) -> Lease | None:
        """A lease on `size` if it is compiled; one who asked in vain may `wait`, or `grant` others."""
        return None if self._retired else self._sizes.lease(size)

    def grant(self, size: Size) -> Lease:
        """A lease on one of the `compiled` sizes, for a request that is of another."""
        lease = None if self._retired else self._sizes.grant(size)
        if lease is None:
            raise Retired
        return lease

    async def wait(self, size: Size, deadline: float) -> Lease:
        """Like `acquire`, for a request that asked for a lease in vain."""
        self._check_admissible(size)
        return await self._wait(size, deadline)

    def order(self, size: Size) -> None:
        """Have `size` compiled in its turn though nobody waits for it; a failure is only remembered."""
        if not self._retired and size not in self._sizes and self._failed.find(size) is None:
            self._ordered.setdefault(size, self._clock())
            self._start_reloading()

    async def retire(self) -> None:
        """Send all that wait elsewhere, let all that run finish, and free everything."""
        self._retired = True
        self._ordered.clear()
        for size in list(self._waiting):
            self._dismiss(size, Retired)
        if self._reloading is not None:
            await self._reloading
        await self._sizes.clear()

    def _check_admissible(self, size: Size) -> None:
        if self._retired:
            raise Retired
        if (failure := self._failed.find(size)) is not None:
            self._meter.rejected[meters.Rejection.COMPILATION] += 1
            raise failure
        if self.depth >= self._limits.max_requests:
            self._meter.rejected[meters.Rejection.FULL] += 1
            raise errors.QueueFull(self._limits.max_requests)

    async def _wait(self, size: Size, deadline: float) -> Lease:
        waiter = _Waiter(self._clock(), asyncio.get_running_loop().create_future())
        self._waiting.setdefault(size, deque()).append(waiter)
        self._meter.queue_depth += 1
        timer = self._start_timer(waiter, size, deadline)
        self._start_reloading()
        try:
            with scopes.stage("queue", **_facts(size)):
                return await waiter.lease
        except asyncio.CancelledError:
            if waiter.lease.cancelled():
                self._meter.rejected[meters.Rejection.CANCELLED] += 1
            _give_back(waiter)
            raise
        finally:
            timer.cancel()
            self._forget(waiter, size)
            self._meter.queue_depth -= 1
            waited = self._clock() - waiter.since
            self._meter.queue_wait_seconds.observe(waited)
            if (scope := scopes.current()) is not None:
                scope.queue_seconds += waited

    def _start_timer(self, waiter: _Waiter, size: Size, deadline: float) -> asyncio.TimerHandle:
        loop = asyncio.get_running_loop()
        max_wait = self._limits.max_wait_seconds
        longest = loop.time() + max_wait
        if deadline <= longest:
            doing = f"waiting for a reload to {name_size(size)}"
            late: errors.ServerError = errors.DeadlineExceeded(doing)
            return loop.call_at(deadline, self._give_up, waiter, late, meters.Rejection.DEADLINE)
        late = errors.WaitTooLong(max_wait, name_size(size))
        return loop.call_at(longest, self._give_up, waiter, late, meters.Rejection.MAX_WAIT)

    def _give_up(self, waiter: _Waiter, error: errors.ServerError, why: meters.Rejection) -> None:
        if not waiter.lease.done():
            self._meter.rejected[why] += 1
            waiter.lease.set_exception(error)

    def _forget(self, waiter: _Waiter, size: Size) -> None:
        waiters = self._waiting.get(size)
        if waiters is not None and waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._waiting[size]

    def _start_reloading(self) -> None:
        if self._reloading is None:
            self._reloading = asyncio.get_running_loop().create_task(
                self._reload_all(),
                name="reload",
                context=contextvars.Context(),  # of no request
            )

    async def _reload_all(self) -> None:
        """Serve the sizes waited for or ordered, oldest first, until there is none."""
        try:
            while (size := self._oldest_waiting()) is not None:
                if size not in self._sizes:
                    await self._reload(size)
                self._grant(size)
                self._ordered.pop(size, None)
        finally:
            self._reloading = None

    def _oldest_waiting(self) -> Size | None:
        """The size of the request that waits longest; those that gave up do not count."""
        for size, waiters in list(self._waiting.items()):
            while waiters and waiters[0].lease.done():
                waiters.popleft()
            if not waiters:
                del self._waiting[size]
        since = self._ordered | {size: waiters[0].since for size, waiters in self._waiting.items()}
        return min(since, key=since.__getitem__, default=None)

    async def _reload(self, size: Size) -> None:
        await self._sizes.wait_freed()
        self._oldest_waiting()
        if size not in self._waiting and size not in self._ordered:  # all of them left meanwhile
            return
        began = self._clock()
        waiters = self._waiting.get(size)
        # A reload is a stage of the request that waits longest.
        context = waiters[0].context if waiters else contextvars.Context()
        try:
            with context.run(scopes.stage, "reload", **_facts(size)):
                pool = await self._compile(_compilable(size))
        except errors.CompilationFailed as error:
            self._failed.add(size, error)
            self._reject(size, error.again)
        except Exception as error:  # noqa: BLE001  foreign code must not strand those that wait
            _log.exception("unexpected failure of a reload to %s", name_size(size))
            self._reject(size, errors.CompilationFailed(name_size(size), repr(error)).again)
        else:
            reason = ReloadReason.EVICTED if size in self._seen else ReloadReason.NEW_SIZE
            self._meter.reloads[reason] += 1
            self.compile_seconds = self._clock() - began
            self._meter.reload_seconds.observe(self.compile_seconds)
            self._failed.forget(size)
            if not self._retired:
                self._admit(size, pool)

    def _admit(self, size: Size, pool: InferencePool) -> None:
        if len(self._seen) >= MOST_SIZES:
            self._seen.clear()  # of shapes there is no end
        self._seen.add(size)
        surplus = self._sizes.admit(size, pool)
        self._grant(size)  # leases first: those that waited are to run on what was compiled for them
        for old in surplus:
            self._sizes.evict(old)

    def _grant(self, size: Size) -> None:
        for waiter in self._waiting.pop(size, ()) if size in self._sizes else ():
            lease = None if waiter.lease.done() else self._sizes.grant(size)
            if lease is not None:
                waiter.lease.set_result(lease)

    def _reject(self, size: Size, error: MakeError) -> None:
        self._meter.rejected[meters.Rejection.COMPILATION] += len(self._waiting.get(size, ()))
        self._dismiss(size, error)

    def _dismiss(self, size: Size, error: MakeError) -> None:
        for waiter in self._waiting.pop(size, ()):
            if not waiter.lease.done():
                waiter.lease.set_exception(error())


def _compilable(size: Size) -> Compilable:
    return BatchRange.only(size) if isinstance(size, int) else size


def _facts(size: Size) -> dict[str, tracing.Fact]:
    return {"batch_size": size} if isinstance(size, int) else {"shape": str(size)}


def _give_back(waiter: _Waiter) -> None:
    """Release a lease that was granted in the very moment its request was cancelled."""
    granted = waiter.lease
    if granted.done() and not granted.cancelled() and granted.exception() is None:
        granted.result().release()
