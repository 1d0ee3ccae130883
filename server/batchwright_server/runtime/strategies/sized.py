"""`buckets`, and `demultiplex` with coalescing: compiled for a few sizes, ready when all of them are.

A request is padded up to the next size or split over several, whichever costs least. What pads is a
copy of a sample, and its answer goes to nobody. Never reloads.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from batchwright_server.config.batching import Coalesce
from batchwright_server.config.plan import Plan
from batchwright_server.core.cover import Cover
from batchwright_server.core.tensors import BatchRange, Tensor
from batchwright_server.runtime import coalescer, reload_queue
from batchwright_server.runtime.independence import SampleIndependence
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.joining import join
from batchwright_server.runtime.strategies.port import Call
from batchwright_server.runtime.strategies.sizing import MeasureSize, SomeSizes


@dataclass(frozen=True)
class Sizes:
    """What is compiled, and how samples are put into it; without `measure`, padding counts as cost."""

    sizes: tuple[int, ...]
    coalesce: Coalesce | None = None
    measure: MeasureSize | None = None


class SizedStrategy:
    """Serves any batch size with models compiled for a few."""

    def __init__(
        self,
        plan: Plan,
        sizes: Sizes,
        independence: SampleIndependence,
        *,
        compile_batch: reload_queue.Compile,
        execution: Execution,
    ) -> None:
        self.plan = plan
        self._sizes = sizes
        self._independence = independence
        self._compile_batch = compile_batch
        self._execution = execution
        self._sizing: SomeSizes | None = None
        self._coalescer: coalescer.Coalescer | None = None
        self._calls: set[asyncio.Future[None]] = set()

    async def prepare(self) -> None:
        await self._independence.check(self.plan.strategy)
        pools: dict[int, InferencePool] = {}
        try:
            sizing = await self._compile_all(pools)
        except BaseException:
            await _free(pools)  # also where memory was not enough for one more
            raise
        if limits := self._sizes.coalesce:
            largest = min(limits.max_batch_size, sizing.cover.largest)
            self._coalescer = join(self._execution, sizing, limits, largest)
        self._sizing = sizing

    async def infer(self, call: Call) -> dict[str, Tensor]:
        if self._sizing is None:
            raise reload_queue.Retired
        if self._coalescer is not None:
            return await self._execution.run_joined(self._coalescer, call)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._calls.add(done)  # its pieces may not have begun yet when the pools are to be freed
        try:
            return await self._execution.run_pieces(self._sizing, call)
        finally:
            self._calls.discard(done)
            done.set_result(None)

    async def retire(self) -> None:
        sizing, self._sizing = self._sizing, None
        joined, self._coalescer = self._coalescer, None
        if joined is not None:
            await joined.wait_idle()
        if self._calls:
            await asyncio.wait(self._calls)
        await _free(sizing.pools if sizing else {})

    async def _compile_all(self, pools: dict[int, InferencePool]) -> SomeSizes:
        costs = {}
        for size in self._sizes.sizes:
            pools[size] = await self._compile_batch(BatchRange.only(size))
            if self._sizes.measure:
                costs[size] = await self._sizes.measure(pools[size], size)
        return SomeSizes(pools, Cover(pools, costs))


async def _free(pools: Mapping[int, InferencePool]) -> None:
    for pool in pools.values():
        await pool.free()
