"""`reload`: one compiled model per size, made when first asked for.

OVMS's `batch_size: auto` if a size is a batch size, its `shape: auto` if it is the shapes of inputs.
"""

from batchwright_server.config.plan import Plan
from batchwright_server.core.tensors import Size, Tensor
from batchwright_server.runtime.reload_queue import ReloadQueue
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import Call
from batchwright_server.runtime.strategies.splitting import Splitter, Splitting


class ReloadStrategy:
    """Serves any size through the reload queue; starts with `first_size` compiled, if there is one.

    With `splitting`, a request whose size is not compiled does not wait, but is split.
    """

    def __init__(
        self,
        plan: Plan,
        queue: ReloadQueue,
        splitting: Splitting | None = None,
        *,
        first_size: Size | None,
        execution: Execution,
    ) -> None:
        self.plan = plan
        self._queue = queue
        self._splitting = splitting
        self._first_size = first_size
        self._execution = execution
        self._splitter: Splitter | None = None

    async def prepare(self) -> None:
        if self._first_size is not None:
            await self._queue.warm(self._first_size)
        if self._splitting and await self._splitting.is_possible(self._execution):
            try:
                self._splitter = await self._splitting.make(self._queue, self._execution)
            except BaseException:
                await self._queue.retire()
                raise

    async def infer(self, call: Call) -> dict[str, Tensor]:
        size = self._execution.size_of(call)
        lease = self._queue.lease(size)
        if lease is None and self._splitter is not None:
            answer = await self._splitter.infer(call)
            if answer is not None:
                return answer
        if lease is None:
            lease = await self._queue.wait(size, call.deadline)
        try:
            began = self._execution.clock()
            answer = await self._execution.run_whole(lease.pool, call)
            if self._splitter is not None:
                self._splitter.costs.observe(call.batch_size, self._execution.clock() - began)
            return answer
        finally:
            lease.release()

    async def retire(self) -> None:
        await self._queue.retire()
