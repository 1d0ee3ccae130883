"""Running one request on a compiled model, whole or in shards, and counting it."""

import asyncio
from collections.abc import Awaitable, Iterable

from batchwright_server import errors
from batchwright_server.core import demultiply
from batchwright_server.core.tensors import Signature, Size, Tensor
from batchwright_server.runtime import ports, scopes
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.meters import ModelMeters
from batchwright_server.runtime.strategies.port import FOREVER, Call


class Execution:
    """Runs requests of one model, and counts what was executed."""

    def __init__(self, signature: Signature, meter: ModelMeters, clock: ports.Clock) -> None:
        self._signature = signature
        self._meter = meter
        self._clock = clock

    def size_of(self, call: Call) -> Size:
        """What a model that runs the call whole must be compiled for."""
        return self._signature.size_of(call.inputs, call.batch_size)

    async def run_whole(self, pool: InferencePool, call: Call) -> dict[str, Tensor]:
        """The outputs of one inference over the whole batch."""
        outputs = demultiply.allocate_outputs(self._signature.outputs, call.batch_size)
        answer = await self._run(pool, [demultiply.Shard(call.inputs, outputs)], outputs, call.deadline)
        self._meter.executed_batch_size.observe(call.batch_size)
        return answer

    async def run_shards(self, pool: InferencePool, call: Call) -> dict[str, Tensor]:
        """The outputs of one inference per sample, gathered in order."""
        outputs = demultiply.allocate_outputs(self._signature.outputs, call.batch_size)
        shards = demultiply.demultiply(self._signature, call.inputs, outputs)
        with scopes.stage("shards", shards=call.batch_size):
            answer = await self._run(pool, shards, outputs, call.deadline)
        self._meter.executed_batch_size.observe(1, call.batch_size)
        self._meter.shards += call.batch_size
        return answer

    async def _run(
        self,
        pool: InferencePool,
        shards: Iterable[demultiply.Shard],
        outputs: dict[str, Tensor],
        deadline: float,
    ) -> dict[str, Tensor]:
        began = self._clock()
        with scopes.stage("infer"):
            late = await _until(deadline, pool.run(shards))
        self._meter.inference_seconds.observe(self._clock() - began)
        return outputs | late


async def _until(deadline: float, answer: Awaitable[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The answer. Raises DeadlineExceeded when the deadline passes, and leaves what was not begun."""
    if deadline == FOREVER:
        return await answer
    try:
        async with asyncio.timeout_at(deadline):
            return await answer
    except TimeoutError as error:
        raise errors.DeadlineExceeded("inferring") from error
