"""`fixed` and `dynamic`: compiled once, for one batch size or a range of them.

A batch size outside is the client's error. Never reloads, never splits; `dynamic` may infer several
requests together.
"""

from batchwright_server import errors
from batchwright_server.config.plan import Plan
from batchwright_server.core.tensors import BatchRange, Tensor
from batchwright_server.runtime import reload_queue
from batchwright_server.runtime.coalescer import Coalescer
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.joining import Joining, join
from batchwright_server.runtime.strategies.port import Call
from batchwright_server.runtime.strategies.sizing import AnySize


class WholeStrategy:
    """Serves the batch sizes of one compiled model."""

    def __init__(
        self,
        plan: Plan,
        batch: BatchRange,
        joining: Joining | None = None,
        *,
        compile_batch: reload_queue.Compile,
        execution: Execution,
    ) -> None:
        self.plan = plan
        self._batch = batch
        self._joining = joining
        self._compile_batch = compile_batch
        self._execution = execution
        self._pool: InferencePool | None = None
        self._coalescer: Coalescer | None = None

    async def prepare(self) -> None:
        pool = await self._compile_batch(self._batch)
        if self._joining and await self._joining.is_possible():
            asked = self._joining.asked
            largest = min(asked.max_batch_size, self._batch.most or asked.max_batch_size)
            self._coalescer = join(self._execution, AnySize(pool), asked, largest)
        self._pool = pool

    async def infer(self, call: Call) -> dict[str, Tensor]:
        if self._pool is None:
            raise reload_queue.Retired
        if call.batch_size not in self._batch:
            raise errors.InvalidInput("batch size", f"{self._batch} samples", str(call.batch_size))
        if self._coalescer is not None:
            return await self._execution.run_joined(self._coalescer, call)
        return await self._execution.run_whole(self._pool, call)

    async def retire(self) -> None:
        pool, self._pool = self._pool, None
        joined, self._coalescer = self._coalescer, None
        if joined is not None:
            await joined.wait_idle()
        if pool is not None:
            await pool.free()
