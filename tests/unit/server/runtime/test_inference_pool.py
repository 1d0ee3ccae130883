import asyncio

import numpy as np
import pytest

from batchwright_server import errors
from batchwright_server.core.demultiply import Shard
from batchwright_server.runtime.inference_pool import InferencePool
from tests.support.held_model import HeldModel


def shards(*values: float) -> list[Shard]:
    return [Shard({"x": np.array([value])}, {}) for value in values]


async def step(model: HeldModel) -> None:
    """Complete what runs, in order, and let the pool start what follows."""
    for request in model.requests:
        if request.is_running:
            request.complete()
    for _ in range(5):
        await asyncio.sleep(0)


async def test_requests_take_turns() -> None:
    """A small request does not wait for a large one's shards, only for those that run."""
    model = HeldModel(1)
    pool = InferencePool(model)
    large = asyncio.create_task(pool.run(shards(*range(10))))
    await asyncio.sleep(0)
    small = asyncio.create_task(pool.run(shards(100)))
    await asyncio.sleep(0)

    while not small.done():
        await step(model)

    assert model.log.index(100) <= 2
    while not large.done():
        await step(model)
    assert [value for value in model.log if value < 100] == list(range(10))


async def test_all_infer_requests_are_used() -> None:
    """As many shards run at once as there are infer requests."""
    model = HeldModel(3)
    pool = InferencePool(model)
    task = asyncio.create_task(pool.run(shards(1, 2, 3, 4)))
    await asyncio.sleep(0)

    assert pool.running == 3

    while not task.done():
        await step(model)
    assert pool.running == 0


async def test_a_failed_shard_ends_its_request_and_no_other() -> None:
    """The failure is reported at once, the request's other shards are not started, others go on."""
    model = HeldModel(1)
    pool = InferencePool(model)
    failing = asyncio.create_task(pool.run(shards(1, 2, 3)))
    other = asyncio.create_task(pool.run(shards(100)))
    await asyncio.sleep(0)

    model.requests[0].complete(errors.InferenceFailed("out of luck"))
    with pytest.raises(errors.InferenceFailed, match="out of luck"):
        await failing
    while not other.done():
        await step(model)

    assert model.log == [1, 100]


async def test_a_cancelled_request_starts_no_more_shards() -> None:
    """What runs is finished, the rest is dropped, and the pool becomes idle."""
    model = HeldModel(1)
    pool = InferencePool(model)
    task = asyncio.create_task(pool.run(shards(1, 2, 3)))
    await asyncio.sleep(0)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await step(model)

    assert model.log == [1]
    await asyncio.wait_for(pool.wait_idle(), timeout=1)


async def test_no_shards_is_an_answer_at_once() -> None:
    """A request without shards does not hang."""
    assert await InferencePool(HeldModel(1)).run([]) == {}


async def test_an_unforeseen_failure_costs_no_slot() -> None:
    """Whatever the engine raises when it starts or ends, the request fails and the pool goes on."""
    model = HeldModel(1)
    pool = InferencePool(model)
    model.requests[0].refusal = TypeError("what is this")
    with pytest.raises(errors.InferenceFailed, match="what is this"):
        await pool.run(shards(1))

    failing = asyncio.create_task(pool.run(shards(2)))
    await asyncio.sleep(0)
    model.requests[0].complete(KeyError("lost"))
    with pytest.raises(errors.InferenceFailed, match="lost"):
        await failing

    served = asyncio.create_task(pool.run(shards(3)))
    await asyncio.sleep(0)
    await step(model)
    assert await served == {}
    assert pool.running == 0
