"""Running one request on a compiled model, whole or in shards, and counting it."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from batchwright_server import errors
from batchwright_server.core import assembly, demultiply
from batchwright_server.core.assembly import Rows
from batchwright_server.core.tensors import Signature, Size, Tensor
from batchwright_server.runtime import ports, scopes
from batchwright_server.runtime.coalescer import Coalescer
from batchwright_server.runtime.inference_pool import InferencePool, ignore
from batchwright_server.runtime.meters import ModelMeters
from batchwright_server.runtime.strategies.port import FOREVER, Call
from batchwright_server.runtime.strategies.sizing import Sizing

T = TypeVar("T")


class Execution:
    """Runs requests of one model, and counts what was executed."""

    def __init__(self, signature: Signature, meter: ModelMeters, clock: ports.Clock) -> None:
        self.signature = signature
        self._meter = meter
        self.clock = clock

    def size_of(self, call: Call) -> Size:
        """What a model that runs the call whole must be compiled for."""
        return self.signature.size_of(call.inputs, call.batch_size)

    async def run_whole(self, pool: InferencePool, call: Call) -> dict[str, Tensor]:
        """The outputs of one inference over the whole batch."""
        outputs = demultiply.allocate_outputs(self.signature.outputs, call.batch_size)
        answer = await self._run(pool, [demultiply.Shard(call.inputs, outputs)], outputs, call)
        self._meter.executed_batch_size.observe(call.batch_size)
        return answer

    async def run_shards(self, pool: InferencePool, call: Call) -> dict[str, Tensor]:
        """The outputs of one inference per sample, gathered in order."""
        outputs = demultiply.allocate_outputs(self.signature.outputs, call.batch_size)
        shards = demultiply.demultiply(self.signature, call.inputs, outputs)
        with scopes.stage("shards", shards=call.batch_size):
            answer = await self._run(pool, shards, outputs, call)
        self._meter.executed_batch_size.observe(1, call.batch_size)
        self._meter.shards += call.batch_size
        return answer

    async def run_pieces(self, sizing: Sizing, call: Call) -> dict[str, Tensor]:
        """The outputs of a few inferences of the sizes that `sizing` chooses, gathered in order."""
        outputs = demultiply.allocate_outputs(self.signature.outputs, call.batch_size)
        rows = Rows(call.inputs, outputs, 0, call.batch_size)
        await self._time(call, self.run_parts(sizing, [rows], call.begun))
        return outputs

    async def run_joined(self, coalescer: Coalescer, call: Call) -> dict[str, Tensor]:
        """The outputs of inferences that are shared with whoever asks at the same time."""
        outputs = demultiply.allocate_outputs(self.signature.outputs, call.batch_size)
        joined = coalescer.run(call.inputs, outputs, call.batch_size, call.begun)
        await self._time(call, joined)
        return outputs

    async def run_parts(
        self, sizing: Sizing, parts: Sequence[Rows], begun: Callable[[], None] = ignore
    ) -> None:
        """Run the samples of one request or several, and bring each answer to its row."""
        dealt: dict[int, list[tuple[Rows, ...]]] = {}
        for size, rows in assembly.divide(parts, sizing.pieces(sum(map(len, parts)))):
            dealt.setdefault(size, []).append(rows)
        one_begun = _countdown(len(dealt), begun)
        await _all(
            [self._run_size(sizing.pool(size), size, rows, one_begun) for size, rows in dealt.items()]
        )

    async def _run_size(
        self, pool: InferencePool, size: int, batches: list[tuple[Rows, ...]], begun: Callable[[], None]
    ) -> None:
        assembled: list[assembly.Assembly] = []

        def shards() -> Iterable[demultiply.Shard]:
            for rows in batches:  # put together when it is their turn: not all in memory at once
                assembled.append(assembly.assemble(self.signature, rows, size))
                yield assembled[-1].shard

        await pool.run(shards(), begun)
        for batch in assembled:
            batch.deliver()
        self._meter.executed_batch_size.observe(size, len(assembled))
        self._meter.padding_samples += sum(batch.padding for batch in assembled)

    async def _time(self, call: Call, answer: Awaitable[None]) -> None:
        began = self.clock()
        with scopes.stage("infer"):
            await _until(call.deadline, answer)
        self._meter.inference_seconds.observe(self.clock() - began)

    async def _run(
        self,
        pool: InferencePool,
        shards: Iterable[demultiply.Shard],
        outputs: dict[str, Tensor],
        call: Call,
    ) -> dict[str, Tensor]:
        began = self.clock()
        with scopes.stage("infer"):
            late = await _until(call.deadline, pool.run(shards, call.begun))
        self._meter.inference_seconds.observe(self.clock() - began)
        return outputs | late


async def _until(deadline: float, answer: Awaitable[T]) -> T:
    """The answer. Raises DeadlineExceeded when the deadline passes, and leaves what was not begun."""
    if deadline == FOREVER:
        return await answer
    try:
        async with asyncio.timeout_at(deadline):
            return await answer
    except TimeoutError as error:
        raise errors.DeadlineExceeded("inferring") from error


def _countdown(count: int, then: Callable[[], None]) -> Callable[[], None]:
    """A function that calls `then` when it is called for the last of so many times."""
    left = itertools.count(count - 1, -1)

    def one_less() -> None:
        if next(left) == 0:
            then()

    return one_less


async def _all(runs: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Wait for all of them. The first failure ends the others, and is raised."""
    if len(runs) == 1:
        await runs[0]
        return
    tasks = [asyncio.create_task(run) for run in runs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
