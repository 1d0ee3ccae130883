"""The memory of the process, as far as compiled models take it.

What is to be compiled has to fit beside all that is there. Where it would not, caches of compiled sizes
are shrunk first, if that helps; else it is refused, before anything is killed.
"""

import weakref
from collections.abc import Iterator
from typing import Protocol

from batchwright_server import errors
from batchwright_server.runtime import ports

_CACHE_SHARE = 2  # by default, a cache may take this part of the limit: a half
_RESERVE_SHARE = 32  # of the limit, left for requests and answers
_MIB = 1 << 20


class Cache(Protocol):
    """Compiled models that can be done without."""

    @property
    def size_bytes(self) -> int:
        """What they take."""

    async def shrink(self, size_bytes: int) -> None:
        """Free at least so many bytes, or everything; returns when they are free."""


class MemoryBudget:
    """Knows what may still be taken, and who can give something back."""

    def __init__(self, memory: ports.Memory) -> None:
        self.memory = memory
        self.models_bytes = 0  # of all that is compiled
        self._caches: weakref.WeakSet[Cache] = weakref.WeakSet()

    @property
    def cache_bytes(self) -> int:
        """The bytes of a cache that nobody set a bound for."""
        return self.memory.limit() // _CACHE_SHARE

    @property
    def is_tight(self) -> bool:
        """Whether what is left is so little that the process may be killed any moment."""
        return self.memory.available() < 2 * self._reserve

    def watch(self, cache: Cache) -> None:
        """Have `cache` shrunk when memory lacks."""
        self._caches.add(cache)

    async def make_room(self, needed: int) -> None:
        """Shrink caches until `needed` bytes are there; none, if all of them would not suffice."""
        missing = needed - self._left()
        if missing <= 0 or missing > sum(cache.size_bytes for cache in self._caches):
            return
        for cache, part in list(self._deal(missing)):
            await cache.shrink(part)

    def check(self, what: str, needed: int) -> None:
        """Raise OutOfMemory if `needed` bytes for `what` are not there."""
        left = self._left()
        if needed > left:
            raise errors.OutOfMemory(
                what,
                f"it takes about {_round(needed)} MiB, of which {_round(max(0, left))} MiB are free"
                f" (limit: {_round(self.memory.limit())} MiB)",
            )

    @property
    def _reserve(self) -> int:
        return self.memory.limit() // _RESERVE_SHARE

    def _left(self) -> int:
        return self.memory.available() - self._reserve

    def _deal(self, missing: int) -> Iterator[tuple[Cache, int]]:
        """Who frees how much: the largest first."""
        for cache in sorted(self._caches, key=lambda cache: -cache.size_bytes):
            part = min(missing, cache.size_bytes)
            if part > 0:
                yield cache, part
            missing -= part


def _round(size_bytes: int) -> int:
    return round(size_bytes / _MIB)
