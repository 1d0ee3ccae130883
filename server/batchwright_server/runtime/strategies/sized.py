"""`buckets`, and `demultiplex` with coalescing: compiled for a few sizes, ready when all of them are.

A request is padded up to the next size or split over several, whichever costs least. What pads is a
copy of a sample, and its answer goes to nobody. Never reloads.
"""

from dataclasses import dataclass

from batchwright_server.config.batching import Coalesce
from batchwright_server.config.plan import Plan
from batchwright_server.core.cover import Cover
from batchwright_server.core.tensors import BatchRange, Tensor
from batchwright_server.runtime import coalescer, reload_queue
from batchwright_server.runtime.independence import SampleIndependence
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

    async def prepare(self) -> None:
        await self._independence.check(self.plan.strategy)
        pools, costs = {}, {}
        for size in self._sizes.sizes:
            pools[size] = await self._compile_batch(BatchRange.only(size))
            if self._sizes.measure:
                costs[size] = await self._sizes.measure(pools[size], size)
        sizing = SomeSizes(pools, Cover(pools, costs))
        if limits := self._sizes.coalesce:
            largest = min(limits.max_batch_size, sizing.cover.largest)
            self._coalescer = join(self._execution, sizing, limits, largest)
        self._sizing = sizing

    async def infer(self, call: Call) -> dict[str, Tensor]:
        if self._sizing is None:
            raise reload_queue.Retired
        if self._coalescer is not None:
            return await self._execution.run_joined(self._coalescer, call)
        return await self._execution.run_pieces(self._sizing, call)

    async def retire(self) -> None:
        sizing, self._sizing = self._sizing, None
        joined, self._coalescer = self._coalescer, None
        if joined is not None:
            await joined.wait_idle()
        for pool in sizing.pools.values() if sizing else ():
            await pool.free()
