import asyncio
import gc
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_server import errors
from batchwright_server.config.batching import CompiledCache, Reload
from batchwright_server.config.batching import ReloadQueue as Limits
from batchwright_server.core.demultiply import Shard
from batchwright_server.core.tensors import BatchRange, Compilable, InputShapes, Tensors
from batchwright_server.runtime import ports
from batchwright_server.runtime.compiled_sizes import Lease
from batchwright_server.runtime.failed_sizes import MOST_SIZES, FailedSizes
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.meters import ReloadMeters
from batchwright_server.runtime.reload_queue import ReloadQueue, Retired, _Waiter
from tests.support.held_model import HeldModel
from tests.support.polling import eventually

FOREVER = float("inf")


class InstantRequest:
    """An infer request that is done as soon as it starts."""

    def start(self, inputs: Tensors, outputs: Tensors, done: ports.Done) -> None:
        done()

    def finish(self) -> Tensors:
        return {}


class InstantModel:
    requests = (InstantRequest(),)
    streams = 1


class Compiler:
    """Compiles when the test says so; remembers what was asked, in order, and how many are alive."""

    def __init__(self, broken: Iterable[int] = ()) -> None:
        self.asked: list[int] = []
        self.broken = set(broken)
        self.starved: set[int] = set()
        self.surprise: Exception | None = None
        self.models: dict[int, ports.CompiledModel] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def compile(self, batch: Compilable) -> InferencePool:
        assert isinstance(batch, BatchRange)
        size = batch.least
        self.asked.append(size)
        await self.gate.wait()
        if size in self.starved:
            raise errors.OutOfMemory(f"batch size {size}", "bad_alloc")
        if size in self.broken:
            raise errors.CompilationFailed(f"batch size {size}", "too odd")
        if self.surprise:
            surprise, self.surprise = self.surprise, None
            raise surprise
        return InferencePool(self.models.get(size) or InstantModel())


class Bench:
    """A queue over a compiler, with its meter."""

    def __init__(self, *, entries: int = 2, requests: int = 100, wait: float = 30.0) -> None:
        limits = Reload(
            queue=Limits(max_requests=requests, max_wait_seconds=wait),
            compiled_cache=CompiledCache(max_entries=entries),
        )
        self.compiler = Compiler()
        self.meter = ReloadMeters()
        clock = asyncio.get_running_loop().time
        self.queue = ReloadQueue(self.compiler.compile, limits, meter=self.meter, clock=clock)

    def ask(self, size: int, deadline: float = FOREVER) -> asyncio.Task[Lease]:
        return asyncio.create_task(self.queue.acquire(size, deadline))

    async def use(self, size: int) -> None:
        lease = await self.queue.acquire(size, FOREVER)
        try:
            await lease.pool.run([Shard({}, {})])
        finally:
            lease.release()


async def settle() -> None:
    """Let every task go as far as it can without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_requests_of_the_same_size_share_one_reload() -> None:
    """However many requests miss the same size, the model is compiled for it once."""
    bench = Bench()

    await asyncio.gather(*(bench.use(8) for _ in range(50)))

    assert bench.compiler.asked == [8]
    assert bench.meter.reloads.total() == 1


async def test_a_compiled_size_serves_while_another_compiles() -> None:
    """A request of a compiled size does not wait for somebody else's reload."""
    bench = Bench()
    await bench.use(1)
    bench.compiler.gate.clear()
    waiting = bench.ask(2)
    await settle()

    await asyncio.wait_for(bench.use(1), timeout=5)

    assert not waiting.done()
    bench.compiler.gate.set()
    (await waiting).release()


async def test_sizes_are_served_in_the_order_of_their_oldest_request() -> None:
    """No size overtakes one that has waited longer, however many requests ask for it."""
    bench = Bench(entries=1)
    bench.compiler.gate.clear()
    tasks = [bench.ask(size) for size in (3, 5, 7)]
    await settle()
    tasks += [bench.ask(7) for _ in range(20)]
    await settle()
    bench.compiler.gate.set()

    for task in tasks:
        (await task).release()

    assert bench.compiler.asked == [3, 5, 7]


async def test_a_size_that_became_available_meanwhile_is_not_compiled_again() -> None:
    """When a request's turn comes, its size is looked up once more."""
    bench = Bench(entries=2)
    bench.compiler.gate.clear()
    tasks = [bench.ask(3), bench.ask(5), bench.ask(3)]
    await settle()
    bench.compiler.gate.set()

    for task in tasks:
        (await task).release()

    assert bench.compiler.asked == [3, 5]


async def test_the_least_recently_used_size_goes() -> None:
    """With the cache full, the size that was used longest ago is evicted, and only that."""
    bench = Bench(entries=2)
    for size in (1, 2, 1, 3, 1, 2):
        await bench.use(size)

    assert bench.compiler.asked == [1, 2, 3, 2]
    assert bench.meter.reloads == {"new_size": 3, "evicted": 1}


async def test_an_evicted_size_finishes_its_requests_before_the_next_reload() -> None:
    """At most one compiled model more than the cache holds is alive."""
    bench = Bench(entries=1)
    held = await bench.queue.acquire(1, FOREVER)
    second = await bench.ask(2)  # evicts 1, which still runs
    third = bench.ask(3)
    await settle()
    assert bench.compiler.asked == [1, 2]

    held.release()

    (await third).release()
    second.release()
    assert bench.compiler.asked == [1, 2, 3]


async def test_a_full_queue_refuses_at_once() -> None:
    """A request beyond the bound is refused without waiting; those in the queue are served."""
    bench = Bench(requests=2)
    bench.compiler.gate.clear()
    inside = [bench.ask(3), bench.ask(4)]
    await settle()

    with pytest.raises(errors.QueueFull, match="max_requests"):
        await bench.queue.acquire(5, FOREVER)

    bench.compiler.gate.set()
    for task in inside:
        (await task).release()
    assert bench.meter.rejected == {"full": 1}


async def test_a_deadline_ends_the_wait() -> None:
    """A request leaves the queue when its client's deadline passes, and no reload is made for it."""
    bench = Bench(entries=1)
    bench.compiler.gate.clear()
    first = bench.ask(1)
    await settle()

    with pytest.raises(errors.DeadlineExceeded):
        await bench.queue.acquire(9, asyncio.get_running_loop().time() + 0.01)

    assert bench.queue.depth == 1
    bench.compiler.gate.set()
    (await first).release()
    await settle()
    assert bench.compiler.asked == [1]
    assert bench.meter.rejected == {"deadline": 1}


async def test_the_longest_wait_ends_the_wait() -> None:
    """Without a deadline, the queue's own limit holds, as an error that is worth a retry."""
    bench = Bench(wait=0.01)
    bench.compiler.gate.clear()

    with pytest.raises(errors.WaitTooLong) as caught:
        await bench.queue.acquire(2, FOREVER)

    assert caught.value.kind is errors.Kind.UNAVAILABLE
    assert bench.queue.depth == 0
    bench.compiler.gate.set()
    await bench.queue.retire()


async def test_a_client_that_vanishes_leaves_the_queue() -> None:
    """A cancelled request is counted, leaves at once, and costs no reload of its own."""
    bench = Bench(entries=1)
    bench.compiler.gate.clear()
    first, gone = bench.ask(1), bench.ask(2)
    await settle()
    assert bench.meter.queue_depth == 2

    gone.cancel()
    await settle()

    assert bench.meter.queue_depth == 1
    assert bench.meter.rejected == {"cancelled": 1}
    bench.compiler.gate.set()
    (await first).release()
    await settle()
    assert bench.compiler.asked == [1]


async def test_a_lease_granted_to_a_vanished_client_is_given_back() -> None:
    """Cancelling in the very moment of the grant leaks nothing: the size can still be evicted."""
    bench = Bench(entries=1)
    bench.compiler.gate.clear()
    gone = bench.ask(1)
    await settle()
    waiter = bench.queue._waiting[1][0]
    bench.compiler.gate.set()
    while not waiter.lease.done():
        await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    await asyncio.wait_for(bench.use(2), timeout=5)
    await asyncio.wait_for(bench.use(3), timeout=5)


async def test_a_size_that_fails_to_compile_fails_its_own_requests_only() -> None:
    """Its requests get the reason, it is not tried again, and others are served."""
    bench = Bench()
    bench.compiler.broken = {13}

    with pytest.raises(errors.CompilationFailed, match="too odd"):
        await bench.use(13)
    with pytest.raises(errors.CompilationFailed, match="too odd"):
        await bench.use(13)
    await bench.use(2)

    assert bench.compiler.asked == [13, 2]


async def test_a_size_without_memory_is_tried_again_later() -> None:
    """It fails at once for a while, and serves once there is memory again."""
    bench = Bench()
    bench.compiler.starved = {13}
    for _ in range(2):
        with pytest.raises(errors.OutOfMemory, match="bad_alloc"):
            await bench.use(13)
    bench.compiler.starved = set()
    assert bench.compiler.asked == [13]

    async def is_served() -> bool:
        try:
            await bench.use(13)
        except errors.OutOfMemory:
            return False
        return True

    await eventually(is_served)

    assert bench.compiler.asked == [13, 13]


def test_a_lasting_want_of_memory_is_tried_ever_more_rarely() -> None:
    """The delay doubles up to a bound, and begins anew after a success."""
    seconds = [0]
    failed = FailedSizes(lambda: seconds[0])
    shape = InputShapes((("x", (1, 2)),))

    def delay() -> int:
        failed.add(shape, errors.OutOfMemory("x", "bad_alloc"))
        began = seconds[0]
        while failed.find(shape):
            seconds[0] += 1
        return seconds[0] - began

    assert [delay() for _ in range(10)] == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    failed.forget(shape)
    assert delay() == 2


def test_failures_without_end_are_forgotten() -> None:
    """Shapes are as many as clients like: only the latest failures are kept."""
    failed = FailedSizes(lambda: 0.0)
    for size in range(MOST_SIZES + 1):
        failed.add(size, errors.CompilationFailed("x", "y"))

    assert failed.find(0) is None
    assert failed.find(MOST_SIZES) is not None


async def test_retiring_sends_those_that_wait_elsewhere() -> None:
    """A switch does not fail a waiting request: it is told to ask the next strategy."""
    bench = Bench()
    bench.compiler.gate.clear()
    waiting = [bench.ask(2), bench.ask(3)]
    await settle()

    retiring = asyncio.create_task(bench.queue.retire())
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    bench.compiler.gate.set()
    await retiring

    assert [type(outcome) for outcome in outcomes] == [Retired, Retired]
    with pytest.raises(Retired):
        await bench.queue.acquire(4, FOREVER)


async def test_an_ordered_size_is_compiled_in_its_turn() -> None:
    """Nobody waits for it; it comes after those that were there before it, once, and then serves."""
    bench = Bench(entries=4)
    bench.compiler.gate.clear()
    first = bench.ask(3)
    await settle()
    bench.queue.order(5)
    bench.queue.order(5)
    later = bench.ask(7)
    await settle()
    bench.compiler.gate.set()
    for task in (first, later):
        (await task).release()
    await bench.use(5)
    bench.queue.order(5)
    await settle()

    assert bench.compiler.asked == [3, 5, 7]
    assert sorted(map(str, bench.queue.compiled)) == ["3", "5", "7"]


async def test_an_ordered_size_that_fails_is_not_tried_on_and_on() -> None:
    """The failure is remembered like that of a request, and the queue goes on."""
    bench = Bench()
    bench.compiler.broken = {13}
    bench.queue.order(13)
    await settle()
    bench.queue.order(13)
    await bench.use(2)

    assert bench.compiler.asked == [13, 2]


async def test_a_retired_queue_grants_and_compiles_nothing() -> None:
    """What was ordered is forgotten, and no lease is given on what is about to be freed."""
    bench = Bench()
    await bench.use(2)
    bench.compiler.gate.clear()
    waiting = bench.ask(3)
    await settle()
    bench.queue.order(5)
    retiring = asyncio.create_task(bench.queue.retire())
    await settle()

    with pytest.raises(Retired):
        bench.queue.grant(2)
    bench.queue.order(7)
    assert bench.queue.compiled == ()
    bench.compiler.gate.set()
    await retiring
    await asyncio.gather(waiting, return_exceptions=True)
    assert bench.compiler.asked == [2, 3]


@settings(max_examples=40, deadline=None)
@given(
    hot=st.sets(st.integers(1, 4), min_size=1),
    rare=st.integers(5, 9),
    entries=st.integers(1, 3),
    burst=st.integers(1, 30),
)
def test_no_size_starves(hot: set[int], rare: int, entries: int, burst: int) -> None:
    """However hot other sizes are, at most one reload for each of them comes before a rare one's."""

    async def play() -> None:
        bench = Bench(entries=entries, requests=10_000)
        bench.compiler.gate.clear()
        hammering = [asyncio.create_task(bench.use(size)) for size in hot for _ in range(burst)]
        await settle()
        before = len(bench.compiler.asked)
        waiting = asyncio.create_task(bench.use(rare))
        await settle()
        again = [asyncio.create_task(bench.use(size)) for size in hot for _ in range(burst)]
        await settle()
        bench.compiler.gate.set()
        await waiting
        assert bench.compiler.asked[before:].index(rare) <= len(hot)
        await asyncio.gather(*hammering, *again)
        await bench.queue.retire()

    asyncio.run(play())


async def test_ten_times_the_capacity_takes_no_more_memory_than_the_capacity() -> None:
    """What is beyond the bound is refused at once: no more requests are held than may wait."""
    bench = Bench(requests=50)
    bench.compiler.gate.clear()
    inside = [bench.ask(size) for size in range(1, 51)]
    await settle()

    def held() -> int:
        gc.collect()
        return sum(isinstance(thing, _Waiter | asyncio.TimerHandle) for thing in gc.get_objects())

    before = held()
    for _ in range(10):
        for size in range(100, 150):
            with pytest.raises(errors.QueueFull):
                await bench.queue.acquire(size, FOREVER)

    assert held() == before
    assert bench.queue.depth == 50
    assert bench.meter.rejected == {"full": 500}
    bench.compiler.gate.set()
    for task in inside:
        (await task).release()


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=60),
    entries=st.integers(1, 4),
    abandoned=st.sets(st.integers(0, 59)),
)
def test_every_request_ends(sizes: list[int], entries: int, abandoned: set[int]) -> None:
    """Whatever sizes come and whoever leaves, all others are served and nothing is left behind."""

    async def play() -> None:
        bench = Bench(entries=entries)
        tasks = []
        for index, size in enumerate(sizes):
            tasks.append(asyncio.create_task(bench.use(size)))
            if index % 3 == 0:
                await asyncio.sleep(0)
        for index in abandoned & set(range(len(sizes))):
            tasks[index].cancel()
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), timeout=2)
        left = [outcome for outcome in outcomes if outcome is not None]
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in left)
        await bench.queue.retire()
        assert bench.queue.depth == 0
        assert bench.meter.queue_depth == 0

    asyncio.run(play())


async def test_a_failure_that_nobody_foresaw_strands_nobody() -> None:
    """Whatever a compiler raises, its requests end with a reason, and the next size is served."""
    bench = Bench()
    bench.compiler.surprise = MemoryError("none left")
    odd, even = bench.ask(13), bench.ask(2)
    await settle()

    with pytest.raises(errors.CompilationFailed, match="none left"):
        await odd
    (await even).release()
    await bench.use(13)  # it is not held against the size
    await bench.queue.retire()


async def test_a_remembered_failure_keeps_no_request_alive() -> None:
    """Each request gets an exception of its own; one for all would collect all their tracebacks."""
    bench = Bench()
    bench.compiler.broken = {13}
    caught = []
    for _ in range(3):
        with pytest.raises(errors.CompilationFailed) as error:
            await bench.use(13)
        caught.append(error.value)

    assert len({id(error) for error in caught}) == 3


async def test_two_queues_share_one_meter_while_one_takes_over() -> None:
    """The gauges tell the sum of what both hold, and no more once the old one is gone."""
    old = Bench()
    await old.use(1)
    new = ReloadQueue(
        old.compiler.compile, Reload(), meter=old.meter, clock=asyncio.get_running_loop().time
    )
    await new.warm(2)
    assert old.meter.compiled_models == 2

    await old.queue.retire()

    assert (old.meter.compiled_models, old.meter.queue_depth) == (1, 0)


async def test_an_inference_that_outlives_its_request_still_holds_its_size() -> None:
    """A cancelled request leaves its inference running; the evicted size is not freed before it ends."""
    bench = Bench(entries=1)
    held = HeldModel(1)
    bench.compiler.models = {1: held}
    task = asyncio.create_task(bench.use(1))
    while not held.requests[0].is_running:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    retiring = asyncio.create_task(bench.queue.retire())
    await settle()
    assert not retiring.done()

    held.requests[0].complete()

    async with asyncio.timeout(5):
        await retiring
