import asyncio
from collections import Counter

import pytest

from batchwright_server import errors
from batchwright_server.config.batching import ReloadQueue
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.memory_budget import MemoryBudget
from batchwright_server.runtime.meters import ReloadMeters
from batchwright_server.runtime.waiting_room import House, WaitingRoom
from tests.support.held_model import HeldModel
from tests.unit.server.runtime.test_inference_pool import shards, step

LIMIT = 3200


class Memory:
    """Of a process that has 3,200 bytes; counts how often somebody asks."""

    def __init__(self) -> None:
        self.asked = 0

    def limit(self) -> int:
        self.asked += 1
        return LIMIT

    def available(self) -> int:
        return LIMIT

    def taken(self) -> int:
        return 0

    def trim(self) -> None:
        pass


def make_house(most: int = 0) -> House:
    return House(MemoryBudget(Memory()), lambda: 0.0, most)


def test_beyond_the_bound_nobody_may_wait() -> None:
    """The next one is refused and counted; a place that was left is free, and is left only once."""
    meter = ReloadMeters()
    room, bounds = WaitingRoom(meter, make_house()), ReloadQueue(max_requests=2)
    first, _ = room.enter(bounds, 0), room.enter(bounds, 0)

    with pytest.raises(errors.QueueFull, match="2 requests wait already"):
        room.enter(bounds, 0)
    first.leave()
    first.leave()
    room.enter(bounds, 0)

    assert room.waiting == 2
    assert meter.rejected == Counter(full=1)


def test_no_more_bytes_wait_than_the_model_may_have() -> None:
    """The refusal tells the bytes that wait, those that came, the bound and what to raise."""
    meter = ReloadMeters()
    room, bounds = WaitingRoom(meter, make_house()), ReloadQueue(max_bytes=100)
    ticket = room.enter(bounds, 60)
    told = r"requests of 60 bytes wait already: expected 100 at most, got 41 more; .* raise max_bytes"

    with pytest.raises(errors.TooManyBytes, match=told):
        room.enter(bounds, 41)
    assert meter.waiting_bytes == 60
    ticket.leave()
    room.enter(bounds, 101)

    assert (meter.waiting_bytes, meter.rejected) == (101, Counter(bytes=1))


def test_all_models_of_a_process_share_what_may_wait() -> None:
    """What waits for one leaves less to another; the flag's bound goes before the memory's."""
    house, bounds = make_house(most=100), ReloadQueue()
    one, other = (WaitingRoom(ReloadMeters(), house) for _ in range(2))
    ticket = one.enter(bounds, 80)

    with pytest.raises(errors.TooManyBytes, match=r"80 bytes wait already.*--max_waiting_bytes"):
        other.enter(bounds, 21)
    ticket.leave()
    other.enter(bounds, 21)

    assert (one.waiting, other.waiting) == (0, 1)


def test_requests_have_a_part_of_what_models_leave() -> None:
    """Of all memory without models, less with them; the memory is looked at once a second."""
    now = 0.0
    memory = Memory()
    budget = MemoryBudget(memory)
    house = House(budget, lambda: now)
    assert [house.most for _ in range(3)] == [LIMIT // 4] * 3
    assert memory.asked == 1

    budget.models_bytes = LIMIT // 2
    now = 1.0

    assert house.most == LIMIT // 8


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
