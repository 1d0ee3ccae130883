import pytest

from batchwright_server import errors
from batchwright_server.runtime.memory_budget import MemoryBudget


class Memory:
    """A machine of 3,200 bytes, of which a hundred are kept back."""

    def __init__(self, free: int) -> None:
        self.free = free

    def limit(self) -> int:
        return 3200

    def available(self) -> int:
        return self.free

    def taken(self) -> int:
        return self.limit() - self.free

    def trim(self) -> None:
        pass


class Cache:
    def __init__(self, memory: Memory, size_bytes: int) -> None:
        self._memory = memory
        self.size_bytes = size_bytes

    async def shrink(self, size_bytes: int) -> None:
        self._memory.free += size_bytes
        self.size_bytes -= size_bytes


async def test_caches_are_shrunk_by_what_is_missing_the_largest_first() -> None:
    """Room is made for what comes, and no more of what serves is given up than that takes."""
    memory = Memory(free=500)
    budget = MemoryBudget(memory)
    large, small = Cache(memory, 1000), Cache(memory, 400)
    for cache in (small, large):
        budget.watch(cache)

    await budget.make_room(1000)

    assert (large.size_bytes, small.size_bytes) == (400, 400)
    budget.check("it", 1000)


async def test_nothing_is_given_up_in_vain() -> None:
    """Where all caches would not suffice they are left alone, and the reason has the numbers."""
    memory = Memory(free=500)
    budget = MemoryBudget(memory)
    cache = Cache(memory, 1000)
    budget.watch(cache)

    await budget.make_room(2000)

    assert cache.size_bytes == 1000
    with pytest.raises(errors.OutOfMemory, match="it takes about"):
        budget.check("it", 2000)


async def test_a_cache_that_is_gone_is_not_asked() -> None:
    """Strategies come and go: what was retired has nothing to give."""
    memory = Memory(free=0)
    budget = MemoryBudget(memory)
    budget.watch(Cache(memory, 3000))

    await budget.make_room(1000)

    assert memory.free == 0
