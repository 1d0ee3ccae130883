import asyncio

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_server.core.demultiply import Shard
from batchwright_server.runtime.inference_gate import InferenceGate
from batchwright_server.runtime.inference_pool import InferencePool
from tests.support.held_model import HeldModel


class StreamedModel(HeldModel):
    """A held model with some streams and as many infer requests as the server makes for them."""

    def __init__(self, streams: int) -> None:
        super().__init__(2 * streams)
        self.streams = streams


def shards(*values: float) -> list[Shard]:
    return [Shard({"x": np.array([value])}, {}) for value in values]


def running(models: list[HeldModel]) -> int:
    return sum(request.is_running for model in models for request in model.requests)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def complete_one(models: list[HeldModel]) -> None:
    next(one for model in models for one in model.requests if one.is_running).complete()


async def test_all_models_together_are_bounded() -> None:
    """Four models that each use all processors infer no more at once than one of them would."""
    gate = InferenceGate(cores=2)
    held: list[HeldModel] = [StreamedModel(1) for _ in range(4)]
    pools = [InferencePool(model, gate) for model in held]
    tasks = [asyncio.create_task(pool.run(shards(1, 2, 3))) for pool in pools]
    await settle()
    most = 0

    while not all(task.done() for task in tasks):
        most = max(most, running(held))
        assert gate.used <= 4
        complete_one(held)
        await settle()

    assert most == 2
    assert gate.used == 0


async def test_models_take_turns() -> None:
    """A model with one inference does not wait until a busy one has finished all of its own."""
    gate = InferenceGate(cores=1)
    busy, small = StreamedModel(1), StreamedModel(1)
    many = asyncio.create_task(InferencePool(busy, gate).run(shards(*range(20))))
    await settle()
    one = asyncio.create_task(InferencePool(small, gate).run(shards(100)))
    await settle()

    while not one.done():
        complete_one([busy])
        complete_one([small]) if running([small]) else None
        await settle()

    assert len(busy.log) <= 5
    while not many.done():
        complete_one([busy])
        await settle()


async def test_streams_share_the_processors() -> None:
    """A model with a stream for each processor has as many inferences in flight as before."""
    model = StreamedModel(4)
    pool = InferencePool(model, InferenceGate(cores=4))
    task = asyncio.create_task(pool.run(shards(*range(20))))
    await settle()

    assert pool.running == 8

    while not task.done():
        complete_one([model])
        await settle()


async def test_nobody_infers_beside_a_host() -> None:
    """Whoever asks to be alone is: what ran is finished first, and the others go on afterwards."""
    gate = InferenceGate(cores=2)
    model, trial = StreamedModel(1), StreamedModel(1)
    pool, host = InferencePool(model, gate), InferencePool(trial, gate)
    before = asyncio.create_task(pool.run(shards(1, 2, 3)))
    await settle()

    async def measure() -> None:
        async with gate.alone(host):
            assert running([model]) == 0
            await host.run(shards(7))

    measuring = asyncio.create_task(measure())
    await settle()
    assert not running([trial])
    while running([model]):
        complete_one([model])
        await settle()
    assert running([trial]) == 1
    assert not before.done()
    complete_one([trial])
    await measuring
    while not before.done():
        complete_one([model])
        await settle()
    assert model.log == [1, 2, 3]


@settings(deadline=None, max_examples=60)
@given(
    cores=st.integers(1, 4),
    loads=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6)), min_size=1, max_size=6),
    picks=st.randoms(use_true_random=False),
)
def test_every_inference_ends(cores: int, loads: list[tuple[int, int]], picks: object) -> None:
    """Whatever the models, the bound holds, every request is answered, and the gate is left empty."""

    async def story() -> None:
        gate = InferenceGate(cores)
        held: list[HeldModel] = [StreamedModel(streams) for streams, _ in loads]
        pools = [InferencePool(model, gate) for model in held]
        tasks = [
            asyncio.create_task(pool.run(shards(*range(count))))
            for pool, (_, count) in zip(pools, loads, strict=True)
        ]
        await settle()
        while running(held):
            assert gate.used <= 2 * cores
            under_way = [one for model in held for one in model.requests if one.is_running]
            picks.choice(under_way).complete()  # type: ignore[attr-defined]  # random.Random
            await settle()
        assert all(task.done() for task in tasks)
        assert gate.used == 0

    asyncio.run(story())
