"""Making the strategy that a plan names, for one network."""

from batchwright_server import errors
from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.core.tensors import Tensor
from batchwright_server.runtime import meters, ports
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.independence import SampleIndependence
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.reload_queue import Compile, ReloadQueue
from batchwright_server.runtime.strategies.demultiplex import DemultiplexStrategy
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.fixed import FixedStrategy
from batchwright_server.runtime.strategies.port import FOREVER, BatchStrategy, Call
from batchwright_server.runtime.strategies.reload import ReloadStrategy


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
            network.signature, together=self._infer_together, singly=self._infer_singly
        )
        self._worker = worker
        self._clock = clock

    def make(self, plan: Plan, batching: Batching) -> BatchStrategy:
        """The strategy of `plan` within the limits of `batching`. Raises CompilationFailed."""
        signature = self.network.signature
        compile_size = self.compile_with(plan.streams)
        execution = Execution(signature, self.meter, self._clock)
        size = batching.fixed.batch_size or signature.saved_batch_size
        if plan.strategy is Strategy.FIXED:
            return FixedStrategy(plan, size, compile_size=compile_size, execution=execution)
        if signature.batch_fault:
            raise errors.CompilationFailed("another batch size of this model", signature.batch_fault)
        if plan.strategy is Strategy.DEMULTIPLEX:
            return DemultiplexStrategy(
                plan, self.independence, compile_size=compile_size, execution=execution
            )
        queue = ReloadQueue(compile_size, batching.reload, meter=self.meter.reload, clock=self._clock)
        return ReloadStrategy(plan, queue, first_size=self._likely_size(), execution=execution)

    def compile_with(self, streams: Streams) -> Compile:
        """A function that compiles a batch size on the worker."""

        async def compile_size(batch_size: int) -> InferencePool:
            return InferencePool(
                await self._worker.run(lambda: self.network.compile(batch_size, streams))
            )

        return compile_size

    def make_trial(self) -> Execution:
        """An execution that counts on meters of its own: trying a model out is no traffic."""
        return Execution(self.network.signature, meters.ModelMeters(self._clock), self._clock)

    async def _infer_together(self, inputs: dict[str, Tensor], batch_size: int) -> dict[str, Tensor]:
        pool = await self.compile_with(Streams.ONE)(batch_size)
        return await self.make_trial().run_whole(pool, Call(inputs, batch_size, FOREVER))

    async def _infer_singly(self, inputs: dict[str, Tensor], batch_size: int) -> dict[str, Tensor]:
        pool = await self.compile_with(Streams.ONE)(1)
        return await self.make_trial().run_shards(pool, Call(inputs, batch_size, FOREVER))

    def _likely_size(self) -> int:
        """The batch size asked for most so far, else the one the model was saved with."""
        most = self.meter.request_batch_sizes.most_common(1)
        return most[0][0] if most else self.network.signature.saved_batch_size
