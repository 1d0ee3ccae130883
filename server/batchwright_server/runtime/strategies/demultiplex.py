"""`demultiplex`: a batch is split into single samples, which run in parallel, and gathered in order.

The client sees no difference: name, rank and shapes stay the model's own. Never reloads.
"""

from batchwright_server.config.plan import Plan
from batchwright_server.core.tensors import BatchRange, Tensor
from batchwright_server.runtime import reload_queue
from batchwright_server.runtime.independence import SampleIndependence
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import Call


class DemultiplexStrategy:
    """Serves any batch size with a model compiled for one sample."""

    def __init__(
        self,
        plan: Plan,
        independence: SampleIndependence,
        *,
        compile_batch: reload_queue.Compile,
        execution: Execution,
    ) -> None:
        self.plan = plan
        self._independence = independence
        self._compile_batch = compile_batch
        self._execution = execution
        self._pool: InferencePool | None = None

    async def prepare(self) -> None:
        await self._independence.check(self.plan.strategy)
        self._pool = await self._compile_batch(BatchRange.only(1))

    async def infer(self, call: Call) -> dict[str, Tensor]:
        if self._pool is None:
            raise reload_queue.Retired
        return await self._execution.run_shards(self._pool, call)

    async def retire(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.free()
