"""`reload`: one compiled model per size, made when first asked for.

OVMS's `batch_size: auto` if a size is a batch size, its `shape: auto` if it is the shapes of inputs.
"""

from batchwright_server.config.plan import Plan
from batchwright_server.core.tensors import Size, Tensor
from batchwright_server.runtime.reload_queue import ReloadQueue
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import Call


class ReloadStrategy:
    """Serves any size through the reload queue; starts with `first_size` compiled, if there is one."""

    def __init__(
        self, plan: Plan, queue: ReloadQueue, *, first_size: Size | None, execution: Execution
    ) -> None:
        self.plan = plan
        self._queue = queue
        self._first_size = first_size
        self._execution = execution

    async def prepare(self) -> None:
        if self._first_size is not None:
            await self._queue.warm(self._first_size)

    async def infer(self, call: Call) -> dict[str, Tensor]:
        lease = await self._queue.acquire(self._execution.size_of(call), call.deadline)
        try:
            return await self._execution.run_whole(lease.pool, call)
        finally:
            lease.release()

    async def retire(self) -> None:
        await self._queue.retire()
