"""Making the strategy that a plan names, for one network."""

from dataclasses import dataclass

from batchwright_server import errors
from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Plan, Strategy, Streams
from batchwright_server.runtime import meters, ports
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.reload_queue import Compile, ReloadQueue
from batchwright_server.runtime.strategies.demultiplex import DemultiplexStrategy
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.fixed import FixedStrategy
from batchwright_server.runtime.strategies.port import BatchStrategy
from batchwright_server.runtime.strategies.reload import ReloadStrategy


@dataclass(frozen=True)
class StrategyFactory:
    """Makes strategies for one network; nothing is compiled until they are prepared."""

    network: ports.Network
    worker: CompileWorker
    meter: meters.ModelMeters
    clock: ports.Clock

    def make(self, plan: Plan, batching: Batching) -> BatchStrategy:
        """The strategy of `plan` within the limits of `batching`. Raises CompilationFailed."""
        signature = self.network.signature
        compile_size = self.compile_with(plan.streams)
        execution = Execution(signature, self.meter, self.clock)
        size = batching.fixed.batch_size or signature.saved_batch_size
        if plan.strategy is Strategy.FIXED:
            return FixedStrategy(plan, size, compile_size=compile_size, execution=execution)
        if signature.batch_fault:
            raise errors.CompilationFailed("another batch size of this model", signature.batch_fault)
        if plan.strategy is Strategy.DEMULTIPLEX:
            return DemultiplexStrategy(plan, signature, compile_size=compile_size, execution=execution)
        queue = ReloadQueue(compile_size, batching.reload, meter=self.meter.reload, clock=self.clock)
        return ReloadStrategy(plan, queue, first_size=self._likely_size(), execution=execution)

    def compile_with(self, streams: Streams) -> Compile:
        """A function that compiles a batch size on the worker."""

        async def compile_size(batch_size: int) -> InferencePool:
            return InferencePool(
                await self.worker.run(lambda: self.network.compile(batch_size, streams))
            )

        return compile_size

    def _likely_size(self) -> int:
        """The batch size asked for most so far, else the one the model was saved with."""
        most = self.meter.request_batch_sizes.most_common(1)
        return most[0][0] if most else self.network.signature.saved_batch_size
