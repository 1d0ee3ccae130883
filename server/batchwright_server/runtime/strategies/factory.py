"""Making the strategy that a plan names, for one network."""

from typing import TypedDict

from batchwright_server import errors
from batchwright_server.config.batching import Batching, OnMiss
from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.core.tensors import BatchRange, Compilable, Signature, Size, Tensor
from batchwright_server.runtime import meters, ports, trial_inputs
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.independence import SampleIndependence, name_remaining
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.model_compiler import ModelCompiler
from batchwright_server.runtime.reload_queue import Compile, ReloadQueue
from batchwright_server.runtime.strategies.demultiplex import DemultiplexStrategy
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.joining import Joining
from batchwright_server.runtime.strategies.port import FOREVER, BatchStrategy, Call
from batchwright_server.runtime.strategies.reload import ReloadStrategy
from batchwright_server.runtime.strategies.sized import SizedStrategy, Sizes
from batchwright_server.runtime.strategies.splitting import Splitting
from batchwright_server.runtime.strategies.whole import WholeStrategy
from batchwright_server.runtime.trial_inputs import Range

_REPETITIONS = 3


class _Tools(TypedDict):
    compile_batch: Compile
    execution: Execution


class StrategyFactory:
    """Makes strategies for one network; nothing is compiled until they are prepared."""

    def __init__(
        self,
        network: ports.Network,
        worker: CompileWorker,
        *,
        meter: meters.ModelMeters,
        clock: ports.Clock,
        compiler: ModelCompiler | None = None,  # None: whatever the memory
    ) -> None:
        self.network = network
        self.meter = meter
        self.independence = SampleIndependence(
            network.signature,
            together=self._infer_together,
            singly=self._infer_singly,
            make_inputs=self.make_inputs,
        )
        self._worker = worker
        self._clock = clock
        self._compiler = compiler

    def make(self, plan: Plan, batching: Batching) -> BatchStrategy:
        """The strategy of `plan` within the limits of `batching`. Raises CompilationFailed."""
        signature = self.network.signature
        compile_batch = self.compile_with(plan.streams)
        execution = Execution(signature, self.meter, self._clock)
        needed = batch_of(plan, batching, signature)
        if signature.batch_fault and needed != BatchRange.only(signature.saved_batch_size):
            what = f"strategy {plan.strategy.value!r} for this model"
            reason = f"{signature.batch_fault}; {name_remaining(signature)}"
            raise errors.CompilationFailed(what, reason)
        tools: _Tools = {"compile_batch": compile_batch, "execution": execution}
        asked = batching.coalesce
        if plan.strategy is Strategy.FIXED:
            return WholeStrategy(plan, needed, **tools)
        if plan.strategy is Strategy.DYNAMIC:
            joining = Joining(asked, self.independence) if asked else None
            return WholeStrategy(plan, needed, joining, **tools)
        if sizes := sizes_of(plan, batching):
            measure = self._measure_size if batching.calibration.enabled else None
            return SizedStrategy(plan, Sizes(sizes, asked, measure), self.independence, **tools)
        if plan.strategy is Strategy.DEMULTIPLEX:
            return DemultiplexStrategy(plan, self.independence, **tools)
        queue = ReloadQueue(compile_batch, batching.reload, meter=self.meter.reload, clock=self._clock)
        if self._compiler is not None:
            self._compiler.watch(queue.cache)
            queue.cache.bound_bytes(self._compiler.cache_bytes)
        splits = batching.reload.on_miss is OnMiss.SPLIT
        splitting = Splitting(self.independence, self._measure_size) if splits else None
        first = self._likely_size()
        return ReloadStrategy(plan, queue, splitting, first_size=first, execution=execution)

    def compile_with(
        self, streams: Streams, *, is_exact: bool = False, is_trial: bool = False
    ) -> Compile:
        """A function that compiles for some sizes on the worker; a trial takes memory from nobody."""

        async def compile_size(size: Compilable) -> InferencePool:
            if self._compiler is not None:
                kind = {"is_exact": is_exact, "is_trial": is_exact or is_trial}
                return await self._compiler.compile(size, streams, **kind)
            return InferencePool(
                await self._worker.run(lambda: self.network.compile(size, streams, is_exact=is_exact))
            )

        return compile_size

    def make_trial(self) -> Execution:
        """An execution that counts on meters of its own: trying a model out is no traffic."""
        return Execution(self.network.signature, meters.ModelMeters(self._clock), self._clock)

    async def make_inputs(
        self, signature: Signature, batch_size: int, values: Range = Range.UNIT
    ) -> dict[str, Tensor]:
        """Inputs to try the model with, drawn off the loop."""
        return await self._worker.run(lambda: trial_inputs.make_inputs(signature, batch_size, values))

    async def _infer_together(self, inputs: dict[str, Tensor], batch_size: int) -> dict[str, Tensor]:
        pool = await self.compile_with(Streams.ONE, is_exact=True)(BatchRange.only(batch_size))
        return await self.make_trial().run_whole(pool, Call(inputs, batch_size, FOREVER))

    async def _infer_singly(self, inputs: dict[str, Tensor], batch_size: int) -> dict[str, Tensor]:
        pool = await self.compile_with(Streams.ONE, is_exact=True)(BatchRange.only(1))
        return await self.make_trial().run_shards(pool, Call(inputs, batch_size, FOREVER))

    async def _measure_size(self, pool: InferencePool, size: int) -> float:
        """Seconds of one inference over `size` samples, the shortest of a few."""
        signature = self.network.signature
        call = Call(await self.make_inputs(signature, size), size, FOREVER)
        trial, shortest = self.make_trial(), float("inf")
        await trial.run_whole(pool, call)  # the first takes longer: it allocates memory
        for _ in range(_REPETITIONS):
            began = self._clock()
            await trial.run_whole(pool, call)
            shortest = min(shortest, self._clock() - began)
        return shortest

    def _likely_size(self) -> Size | None:
        """The size asked for most so far, else the one the model was saved with; None if it has none."""
        if auto := self.network.signature.auto:
            return auto.saved
        most = self.meter.request_batch_sizes.most_common(1)
        return most[0][0] if most else self.network.signature.saved_batch_size


def sizes_of(plan: Plan, batching: Batching) -> tuple[int, ...]:
    """The few batch sizes that a plan is compiled for and fills with samples; empty for others."""
    if plan.strategy is Strategy.BUCKETS:
        return batching.buckets.sizes
    if plan.strategy is Strategy.DEMULTIPLEX and batching.coalesce:
        return tuple(sorted({1, batching.coalesce.max_batch_size}))
    return ()


def batch_of(plan: Plan, batching: Batching, signature: Signature) -> BatchRange:
    """The batch sizes that a plan needs compiled: for some now, for others when they come."""
    if plan.strategy is Strategy.DYNAMIC:
        return BatchRange(batching.dynamic.min, batching.dynamic.max)
    if plan.strategy in (Strategy.RELOAD, Strategy.DEMULTIPLEX, Strategy.BUCKETS):
        return BatchRange(1, None)
    return BatchRange.only(batching.fixed.batch_size or signature.saved_batch_size)
