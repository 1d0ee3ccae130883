"""The compiled sizes of one servable: leased to requests, evicted, and freed when nothing runs.

An evicted size takes no new requests. It is freed when its last request gave its lease back and nothing
runs on it any more; until then it counts against the memory that the next reload may take.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from batchwright_server.config.batching import CompiledCache
from batchwright_server.core.residency import Bounds, Residency
from batchwright_server.core.tensors import Size
from batchwright_server.runtime import meters
from batchwright_server.runtime.inference_pool import InferencePool


@dataclass(eq=False)
class _Compiled:
    """One compiled size and the requests that hold it."""

    pool: InferencePool
    leases: int = 0
    is_evicted: bool = False


class Lease:
    """The right to run one request on a compiled size; must be released."""

    def __init__(self, compiled: _Compiled, released: Callable[[_Compiled], None]) -> None:
        self._compiled = compiled
        self._released = released
        compiled.leases += 1

    @property
    def pool(self) -> InferencePool:
        """Where to run."""
        return self._compiled.pool

    def release(self) -> None:
        """Give the right back."""
        self._compiled.leases -= 1
        self._released(self._compiled)


class CompiledSizes:
    """The compiled sizes that take requests, within `limits`, and those that still finish some."""

    def __init__(self, limits: CompiledCache, meter: meters.ReloadMeters) -> None:
        self._limits = limits
        self._resident = Residency(Bounds(limits.max_entries, limits.max_bytes))
        self._meter = meter
        self._compiled: dict[Size, _Compiled] = {}
        self._leaving: dict[_Compiled, asyncio.Task[None] | None] = {}
        self._left = asyncio.Event()
        self._left.set()

    def __contains__(self, size: Size) -> bool:
        return size in self._compiled

    def __iter__(self) -> Iterator[Size]:
        return iter(self._compiled)

    @property
    def size_bytes(self) -> int:
        """What those that take requests take of the memory."""
        return self._resident.size_bytes

    def bound_bytes(self, most: int) -> None:
        """Keep to so many bytes, if the configuration says nothing of bytes."""
        if self._limits.max_bytes is None:
            self._evict_all(self._resident.resize(Bounds(self._limits.max_entries, most)))

    async def shrink(self, size_bytes: int) -> None:
        """Evict until so many bytes are free, the least asked for first, and return when they are."""
        for size in list(self._resident):
            if size_bytes <= 0:
                break
            size_bytes -= self._compiled[size].pool.size_bytes
            self._resident.remove(size)
            self.evict(size)
        await self.wait_freed()

    def lease(self, size: Size) -> Lease | None:
        """A lease on `size`; None if it is not compiled."""
        self._resident.note(size)
        return self.grant(size)

    def grant(self, size: Size) -> Lease | None:
        """A lease for a request that was noted already, when it asked for one in vain."""
        compiled = self._compiled.get(size)
        return None if compiled is None else Lease(compiled, self._release)

    def admit(self, size: Size, pool: InferencePool) -> list[Size]:
        """Take in a size, and give those that must go: `evict` them once the new one is leased out."""
        self._compiled[size] = _Compiled(pool)
        self._meter.compiled_models += 1
        return self._resident.admit(size, pool.size_bytes)

    def evict(self, size: Size) -> None:
        """Let `size` take no new requests, and free it when it can be."""
        compiled = self._compiled.pop(size)
        self._meter.compiled_models -= 1
        compiled.is_evicted = True
        self._leaving[compiled] = None
        self._left.clear()
        self._free_if_unused(compiled)

    async def wait_freed(self) -> None:
        """Return when every evicted size is freed."""
        await self._left.wait()

    async def clear(self) -> None:
        """Evict everything, and return when all of it is freed."""
        for size in list(self._compiled):
            self._resident.remove(size)
            self.evict(size)
        await self.wait_freed()

    def _evict_all(self, sizes: list[Size]) -> None:
        for size in sizes:
            self.evict(size)

    def _release(self, compiled: _Compiled) -> None:
        if compiled.is_evicted:
            self._free_if_unused(compiled)

    def _free_if_unused(self, compiled: _Compiled) -> None:
        if compiled.leases:
            return
        if compiled.pool.needs_time_to_free:  # or runs what a cancelled request left behind
            self._leaving[compiled] = asyncio.create_task(self._free_when_idle(compiled))
        else:
            self._free(compiled)

    async def _free_when_idle(self, compiled: _Compiled) -> None:
        await compiled.pool.free()
        self._free(compiled)

    def _free(self, compiled: _Compiled) -> None:
        self._leaving.pop(compiled, None)
        if not self._leaving:
            self._left.set()
