"""`reload`: one compiled model per batch size, made when first asked for (OVMS's `batch_size: auto`)."""

from batchwright_server.config.plan import Plan
from batchwright_server.core.tensors import Tensor
from batchwright_server.runtime.reload_queue import ReloadQueue
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import Call


class ReloadStrategy:
    """Serves any batch size through the reload queue; starts with `first_size` compiled."""

    def __init__(self, plan: Plan, queue: ReloadQueue, *, first_size: int, execution: Execution) -> None:
        self.plan = plan
        self._queue = queue
        self._first_size = first_size
        self._execution = execution

    async def prepare(self) -> None:
        await self._queue.warm(self._first_size)

    async def infer(self, call: Call) -> dict[str, Tensor]:
        lease = await self._queue.acquire(call.batch_size, call.deadline)
        try:
            return await self._execution.run_whole(lease.pool, call)
        finally:
            lease.release()

    async def retire(self) -> None:
        await self._queue.retire()
