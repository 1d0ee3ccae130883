"""`fixed`: compiled once for N samples; any other batch size is the client's error."""

from batchwright_server import errors
from batchwright_server.config.plan import Plan
from batchwright_server.core.tensors import Tensor
from batchwright_server.runtime import reload_queue
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import Call


class FixedStrategy:
    """Serves exactly one batch size."""

    def __init__(
        self, plan: Plan, batch_size: int, *, compile_size: reload_queue.Compile, execution: Execution
    ) -> None:
        self.plan = plan
        self._batch_size = batch_size
        self._compile_size = compile_size
        self._execution = execution
        self._pool: InferencePool | None = None

    async def prepare(self) -> None:
        self._pool = await self._compile_size(self._batch_size)

    async def infer(self, call: Call) -> dict[str, Tensor]:
        if self._pool is None:
            raise reload_queue.Retired
        if call.batch_size != self._batch_size:
            raise errors.InvalidInput("batch size", f"{self._batch_size} samples", str(call.batch_size))
        return await self._execution.run_whole(self._pool, call)

    async def retire(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.wait_idle()
