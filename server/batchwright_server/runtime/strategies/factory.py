"""Making the strategy that a plan names, for one network."""

from batchwright_server import errors
from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.core.tensors import BatchRange, Compilable, Signature, Size, Tensor
from batchwright_server.runtime import meters, ports, trial_inputs
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.independence import SampleIndependence
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.reload_queue import Compile, ReloadQueue
from batchwright_server.runtime.strategies.demultiplex import DemultiplexStrategy
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import FOREVER, BatchStrategy, Call
from batchwright_server.runtime.strategies.reload import ReloadStrategy
from batchwright_server.runtime.strategies.whole import WholeStrategy
from batchwright_server.runtime.trial_inputs import Range


class StrategyFactory:
    """Makes strategies for one network; nothing is compiled until they are prepared."""

    def __init__(
        self,
        network: ports.Network,
        worker: CompileWorker,
        *,
        meter: meters.ModelMeters,
        clock: ports.Clock,
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

    def make(self, plan: Plan, batching: Batching) -> BatchStrategy:
        """The strategy of `plan` within the limits of `batching`. Raises CompilationFailed."""
        signature = self.network.signature
        compile_batch = self.compile_with(plan.streams)
        execution = Execution(signature, self.meter, self._clock)
        needed = batch_of(plan, batching, signature)
        if signature.batch_fault and needed != BatchRange.only(signature.saved_batch_size):
            raise errors.CompilationFailed("another batch size of this model", signature.batch_fault)
        if plan.strategy in (Strategy.FIXED, Strategy.DYNAMIC):
            return WholeStrategy(plan, needed, compile_batch=compile_batch, execution=execution)
        if plan.strategy is Strategy.DEMULTIPLEX:
            return DemultiplexStrategy(
                plan, self.independence, compile_batch=compile_batch, execution=execution
            )
        queue = ReloadQueue(compile_batch, batching.reload, meter=self.meter.reload, clock=self._clock)
        return ReloadStrategy(plan, queue, first_size=self._likely_size(), execution=execution)

    def compile_with(self, streams: Streams, *, is_exact: bool = False) -> Compile:
        """A function that compiles for some sizes on the worker."""

        async def compile_size(size: Compilable) -> InferencePool:
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

    def _likely_size(self) -> Size | None:
        """The size asked for most so far, else the one the model was saved with; None if it has none."""
        if auto := self.network.signature.auto:
            return auto.saved
        most = self.meter.request_batch_sizes.most_common(1)
        return most[0][0] if most else self.network.signature.saved_batch_size


def batch_of(plan: Plan, batching: Batching, signature: Signature) -> BatchRange:
    """The batch sizes that a plan needs compiled: for some now, for others when they come."""
    if plan.strategy is Strategy.DYNAMIC:
        return BatchRange(batching.dynamic.min, batching.dynamic.max)
    if plan.strategy in (Strategy.RELOAD, Strategy.DEMULTIPLEX):
        return BatchRange(1, None)
    return BatchRange.only(batching.fixed.batch_size or signature.saved_batch_size)
