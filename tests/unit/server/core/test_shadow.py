"""The shadow against itself, and against the real queue in simulated time."""

import asyncio
import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_server.config.batching import CompiledCache, Reload
from batchwright_server.config.batching import ReloadQueue as Limits
from batchwright_server.core.demultiply import Shard
from batchwright_server.core.residency import Bounds
from batchwright_server.core.shadow import Arrival, ReloadShadow
from batchwright_server.core.tensors import BatchRange, Compilable, Tensors
from batchwright_server.runtime import ports
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.meters import ReloadMeters
from batchwright_server.runtime.reload_queue import ReloadQueue
from tests.support.simulated_time import simulate

FOREVER = float("inf")


def shadow_of(entries: int, compile_seconds: float) -> ReloadShadow:
    return ReloadShadow(Bounds(entries), compile_seconds)


def test_the_shadow_counts_a_reload_per_miss() -> None:
    """With one compiled size and time to reload between requests, each change of size is a reload."""
    shadow = shadow_of(1, 0.1)
    made = [shadow.observe(Arrival(size, float(now))) for now, size in enumerate([1, 1, 8, 8, 1])]
    assert made == [True, False, True, False, True]


def test_the_shadow_lets_misses_join_a_reload_that_is_under_way() -> None:
    """Requests for a size that is being compiled share its reload."""
    shadow = shadow_of(2, 1.0)
    made = [shadow.observe(Arrival(8, now)) for now in (0.0, 0.3, 0.9, 1.1)]
    assert made == [True, False, False, False]


def test_the_shadow_compiles_one_size_at_a_time() -> None:
    """The second size's reload begins when the first is finished."""
    shadow = shadow_of(1, 1.0)

    assert shadow.observe(Arrival(1, 0.0))
    assert shadow.observe(Arrival(2, 0.0))
    assert not shadow.observe(Arrival(1, 1.5))  # compiled at 1.0, and 2 not before 2.0
    assert not shadow.observe(Arrival(2, 2.5))
    assert shadow.observe(Arrival(1, 2.6))  # evicted by 2


def test_a_reload_waits_for_what_an_evicted_size_still_runs() -> None:
    """As in the real queue: the next compilation begins when the evicted model is freed."""
    shadow = shadow_of(1, 1.0)
    shadow.observe(Arrival(1, 0.0, infer_seconds=3.0))  # runs from 1 to 4
    shadow.observe(Arrival(2, 1.5))  # compiled at 2.5, evicts 1

    assert shadow.observe(Arrival(3, 2.6))
    assert not shadow.observe(Arrival(3, 4.9))  # compiling since 4: joined


def test_a_smaller_cache_is_followed() -> None:
    """The shadow follows the configuration."""
    shadow = shadow_of(2, 0.1)
    for now, size in enumerate([1, 2, 2]):
        shadow.observe(Arrival(size, float(now)))

    shadow.resize(Bounds(1))

    assert not shadow.observe(Arrival(2, 3.0))
    assert shadow.observe(Arrival(1, 4.0))


def test_clients_that_would_have_waited_do_not_ask_meanwhile() -> None:
    """One client alternates two sizes faster than they compile: each change is a reload all the same."""
    shadow = shadow_of(1, 1.0)
    arrivals = [Arrival(1 + turn % 2, 0.01 * turn, others=0) for turn in range(20)]

    assert sum(map(shadow.observe, arrivals)) == 20


class InstantRequest:
    """An infer request that is done as soon as it starts."""

    def start(self, inputs: Tensors, outputs: Tensors, done: ports.Done) -> None:
        done()

    def finish(self) -> Tensors:
        return {}


class InstantModel:
    requests = (InstantRequest(),)
    streams = 1


@dataclass(frozen=True)
class Traffic:
    """Clients that ask for sizes of their own, one request after the other, after thinking."""

    clients: int
    requests: int  # of each client
    sizes: int
    entries: int
    compile_seconds: float
    infer_seconds: float
    think_seconds: float
    seed: int


async def run_really(traffic: Traffic) -> tuple[int, list[Arrival]]:
    """The reloads of the real queue under this traffic, and how the requests came."""
    loop = asyncio.get_running_loop()
    meter = ReloadMeters()
    limits = Reload(
        queue=Limits(max_wait_seconds=1e9), compiled_cache=CompiledCache(max_entries=traffic.entries)
    )
    device = asyncio.Lock()
    arrivals: list[Arrival] = []
    under_way = 0

    async def compile_size(batch: Compilable) -> InferencePool:
        assert isinstance(batch, BatchRange)
        await asyncio.sleep(traffic.compile_seconds)
        return InferencePool(InstantModel())

    queue = ReloadQueue(compile_size, limits, meter=meter, clock=loop.time)

    async def ask(size: int) -> None:
        nonlocal under_way
        arrivals.append(Arrival(size, loop.time(), traffic.infer_seconds, under_way))
        under_way += 1
        lease = await queue.acquire(size, FOREVER)
        try:
            async with device:
                await asyncio.sleep(traffic.infer_seconds)
                await lease.pool.run([Shard({}, {})])
        finally:
            lease.release()
            under_way -= 1

    async def ask_repeatedly(seed: int) -> None:
        drawn = random.Random(seed)  # noqa: S311  no secret
        for _ in range(traffic.requests):
            await ask(drawn.randint(1, traffic.sizes))
            await asyncio.sleep(drawn.random() * traffic.think_seconds)

    clients = (ask_repeatedly(100 * traffic.seed + number) for number in range(traffic.clients))
    await asyncio.gather(*clients)
    return meter.reloads.total(), arrivals


traffics = st.builds(
    Traffic,
    clients=st.integers(1, 10),
    requests=st.integers(5, 30),
    sizes=st.integers(1, 10),
    entries=st.integers(1, 4),
    compile_seconds=st.floats(0.01, 2.0),
    infer_seconds=st.floats(0.001, 0.3),
    think_seconds=st.floats(0.001, 3.0),
    seed=st.integers(0, 1000),
)


@settings(deadline=None, max_examples=40)
@given(traffics)
def test_the_shadow_does_what_the_real_queue_does(traffic: Traffic) -> None:
    """Told the same times, it counts the reloads that the real queue made, within one in a hundred."""
    real, arrivals = simulate(run_really(traffic))
    shadow = shadow_of(traffic.entries, traffic.compile_seconds)

    counted = sum(map(shadow.observe, arrivals))

    assert abs(counted - real) <= max(1, real // 100)


def test_the_way_back_can_be_judged() -> None:
    """From the requests of a strategy without reloads, it counts what reload makes of the same clients.

    They are then seen to ask much faster than reload would have let them; over many kinds of traffic
    what it counts is near, and of most of them it is within half.
    """
    drawn = random.Random(7)  # noqa: S311  no secret
    pairs = [_judge_way_back(draw_traffic(drawn)) for _ in range(40)]

    total_counted, total_real = (sum(column) for column in zip(*pairs, strict=True))
    near = sum(abs(counted - real) <= max(3, real / 2) for counted, real in pairs)
    assert abs(total_counted - total_real) <= 0.15 * total_real
    assert near >= 0.9 * len(pairs)


def draw_traffic(drawn: random.Random) -> Traffic:
    return Traffic(
        clients=drawn.randint(1, 10),
        requests=40,
        sizes=drawn.randint(2, 16),
        entries=drawn.randint(1, 4),
        compile_seconds=drawn.uniform(0.1, 2.0),
        infer_seconds=drawn.uniform(0.01, 0.3),
        think_seconds=drawn.uniform(0.001, 0.5),
        seed=drawn.randint(0, 1000),
    )


def _judge_way_back(traffic: Traffic) -> tuple[int, int]:
    """The reloads that the shadow counts, and those of the real queue."""
    real, _ = simulate(run_really(traffic))
    arrivals = simulate(run_without_reloads(traffic, faster=0.1))
    shadow = shadow_of(traffic.entries, traffic.compile_seconds)
    return sum(map(shadow.observe, arrivals)), real


async def run_without_reloads(traffic: Traffic, faster: float) -> list[Arrival]:
    """How the requests of the same clients come where each is inferred at once, in part of the time."""
    loop = asyncio.get_running_loop()
    arrivals: list[Arrival] = []
    under_way = 0

    async def ask_repeatedly(seed: int) -> None:
        nonlocal under_way
        drawn = random.Random(seed)  # noqa: S311  no secret
        for _ in range(traffic.requests):
            size = drawn.randint(1, traffic.sizes)
            arrivals.append(Arrival(size, loop.time(), traffic.infer_seconds, under_way))
            under_way += 1
            await asyncio.sleep(faster * traffic.infer_seconds)
            under_way -= 1
            await asyncio.sleep(drawn.random() * traffic.think_seconds)

    clients = (ask_repeatedly(100 * traffic.seed + number) for number in range(traffic.clients))
    await asyncio.gather(*clients)
    return arrivals
