"""`fixed` and `dynamic`: compiled once, for one batch size or a range of them.

A batch size outside is the client's error. Never reloads, never splits.
"""

from batchwright_server import errors
from batchwright_server.config.plan import Plan
from batchwright_server.core.tensors import BatchRange, Tensor
from batchwright_server.runtime import reload_queue
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import Call


class WholeStrategy:
    """Serves the batch sizes of one compiled model."""

    def __init__(
        self, plan: Plan, batch: BatchRange, *, compile_batch: reload_queue.Compile, execution: Execution
    ) -> None:
        self.plan = plan
        self._batch = batch
        self._compile_batch = compile_batch
        self._execution = execution
        self._pool: InferencePool | None = None

    async def prepare(self) -> None:
        self._pool = await self._compile_batch(self._batch)

    async def infer(self, call: Call) -> dict[str, Tensor]:
        if self._pool is None:
            raise reload_queue.Retired
        if call.batch_size not in self._batch:
            raise errors.InvalidInput("batch size", f"{self._batch} samples", str(call.batch_size))
        return await self._execution.run_whole(self._pool, call)

    async def retire(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.wait_idle()
