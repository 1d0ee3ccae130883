import asyncio
from collections import Counter

import pytest

from batchwright_server import errors
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.meters import ReloadMeters
from batchwright_server.runtime.waiting_room import WaitingRoom
from tests.support.held_model import HeldModel
from tests.unit.server.runtime.test_inference_pool import shards, step


def test_beyond_the_bound_nobody_may_wait() -> None:
    """The next one is refused and counted; a place that was left is free, and is left only once."""
    meter = ReloadMeters()
    room = WaitingRoom(meter)
    first, _ = room.enter(2), room.enter(2)

    with pytest.raises(errors.QueueFull, match="2 requests wait already"):
        room.enter(2)
    first.leave()
    first.leave()
    room.enter(2)

    assert room.waiting == 2
    assert meter.rejected == Counter(full=1)


async def test_a_request_waits_until_its_last_shard_begins() -> None:
    """However early the first of them began."""
    model = HeldModel(1)
    pool = InferencePool(model)
    begun: list[str] = []
    tasks = [
        asyncio.create_task(pool.run(shards(1, 2, 3), lambda: begun.append("large"))),
        asyncio.create_task(pool.run(shards(4), lambda: begun.append("small"))),
    ]
    await asyncio.sleep(0)
    assert begun == []
    while 4 not in model.log:
        await step(model)
    assert begun == ["small"]
    while not all(task.done() for task in tasks):
        await step(model)
    await asyncio.gather(*tasks)

    assert begun == ["small", "large"]
