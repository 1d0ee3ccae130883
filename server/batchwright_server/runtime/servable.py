"""A servable: one version of one model, with the strategy that serves it now."""

import logging
from dataclasses import dataclass
from enum import IntEnum

from batchwright_server import errors
from batchwright_server.config.batching import Batching
from batchwright_server.config.document import ModelConfig
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.core import client_order, validation
from batchwright_server.core.tensors import ANY, Signature, Tensor, Tensors, TensorSpec, count_bytes
from batchwright_server.runtime import calibration, meters, ports, reload_queue, settled_batching
from batchwright_server.runtime.allowed_plans import AllowedPlans
from batchwright_server.runtime.build_record import BuildRecord
from batchwright_server.runtime.model_compiler import ModelCompiler, Resources
from batchwright_server.runtime.plan_costs import PlanCosts
from batchwright_server.runtime.shadowing import Shadowing
from batchwright_server.runtime.strategies.factory import StrategyFactory
from batchwright_server.runtime.strategies.port import BatchStrategy, Call
from batchwright_server.runtime.trial_memory import TrialMemory
from batchwright_server.runtime.waiting_room import House, WaitingRoom

_log = logging.getLogger(__name__)


class State(IntEnum):
    """The life of a version; numbers as in TensorFlow Serving's GetModelStatus."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class Prepared:
    """A new batching that is ready to take over; `strategy` is None where the present one goes on."""

    batching: Batching
    strategy: BatchStrategy | None
    fallback: str = ""  # why it is not the batching that is configured


class Servable:
    """Serves one network by one strategy at a time."""

    def __init__(
        self,
        config: ModelConfig,
        version: ports.Version,
        factory: StrategyFactory,
        observed: "Observed",
    ) -> None:
        self.config = config
        self.version = version
        self.state = State.LOADING
        self._batching = settled_batching.settle(config.effective_batching, factory.network.signature)
        self._factory = factory
        self._costs = observed.costs
        self._record = observed.builds
        self._shadow = observed.shadow
        self._allowed = AllowedPlans()
        self._room = WaitingRoom(factory.meter.reload, observed.house)
        self._under_way = 0
        self.fallback = ""  # why it serves by another strategy than configured; empty: it does not
        self._strategy: BatchStrategy | None = None

    @property
    def costs(self) -> calibration.Costs:
        """What its plans cost, as far as is known."""
        return self._costs.measured

    @property
    def signature(self) -> Signature:
        """The model's inputs and outputs."""
        return self._factory.network.signature

    @property
    def meter(self) -> meters.ModelMeters:
        """What this version counts."""
        return self._factory.meter

    @property
    def plan(self) -> Plan:
        """The plan that serves, or is about to."""
        return self._strategy.plan if self._strategy else self._batching.plan

    @property
    def bucket_sizes(self) -> tuple[int, ...]:
        """The sizes that the plan is compiled for, if it is buckets."""
        return self._batching.buckets.sizes if self.plan.strategy is Strategy.BUCKETS else ()

    @property
    def batch_dimension(self) -> int:
        """The batch size a client must send; ANY if it is free."""
        return settled_batching.batch_dimension(self._batching, self.signature)

    @property
    def max_batch_size(self) -> int:
        """The most samples a client may send at once; 0 where it must send exactly `batch_dimension`."""
        return self._batching.max_batch_size if self.batch_dimension == ANY else 0

    def client_shape(self, spec: TensorSpec) -> tuple[int, ...]:
        """The shape of an input or output as a client sees it."""
        return spec.to_client(spec.with_batch(self.batch_dimension))

    async def start(self) -> None:
        """Prepare the strategy, and measure it. Raises CompilationFailed."""
        wanted = self._batching.built_plan
        if (fitting := self._record.fallback(wanted)) is not None:
            self._fall_back(
                fitting, f"the server was killed for want of memory while {wanted} was being built"
            )
        self._costs.recall(self._batching)
        self._strategy = await self._build_fitting()
        await self._costs.measure_first(self._batching)
        self._costs.serve(self._batching)
        self._shadow.follow(self._batching)
        self.state = State.AVAILABLE

    async def infer(self, inputs: Tensors, deadline: float) -> dict[str, Tensor]:
        """The outputs for `inputs`, waiting until `deadline` (the loop's clock) at most.

        Raises ServerError, or Retired where another servable is to be asked.
        """
        limit = self._batching.max_batch_size
        inputs = client_order.from_clients(self.signature.inputs, inputs)
        batch_size = validation.check_inputs(self.signature, inputs, max_batch_size=limit)
        size = self.signature.size_of(inputs, batch_size)
        held = sum(map(count_bytes, inputs.values()))
        ticket = self._room.enter(self._batching.reload.queue, held)
        self._shadow.observe(size, batch_size, self._under_way)
        alone, answered = self._costs.enter(), None
        self._under_way += 1
        try:
            outputs = await self._infer(Call(inputs, batch_size, deadline, ticket.leave))
            answered = batch_size
        finally:
            ticket.leave()
            self._under_way -= 1
            self._costs.leave(alone, answered)
        self.meter.succeed(batch_size)
        return client_order.to_clients(self.signature.outputs, outputs)

    async def prepare(self, config: ModelConfig) -> Prepared:
        """Make ready what a changed batching needs, beside what serves. Raises CompilationFailed."""
        wanted = settled_batching.settle(config.effective_batching, self.signature)
        batching = self._allowed.choose(wanted)
        strategy: BatchStrategy | None = None
        if settled_batching.strategy_part(batching) != settled_batching.strategy_part(self._batching):
            strategy = await self._build(batching)
        return Prepared(batching, strategy, self._allowed.explain(wanted, batching.plan))

    def commit(self, config: ModelConfig, prepared: Prepared) -> BatchStrategy | None:
        """Let `prepared` take over for new requests; gives the old strategy, to be retired."""
        self.config = config
        self.fallback = prepared.fallback or ("" if prepared.strategy else self.fallback)
        self._batching = prepared.batching
        self._costs.serve(prepared.batching)
        self._shadow.follow(prepared.batching)
        if prepared.strategy is None:
            return None
        old, self._strategy = self._strategy, prepared.strategy
        self.meter.switches += old is None or old.plan != prepared.strategy.plan
        return old

    async def retire(self) -> None:
        """Take no new requests, finish those that run, free everything."""
        self.state = State.UNLOADING
        strategy, self._strategy = self._strategy, None
        self._costs.stop()
        if strategy is not None:
            await strategy.retire()
        self.state = State.END

    async def _build_fitting(self) -> BatchStrategy:
        """The strategy wanted; without memory for it, as after an earlier kill, what last fitted."""
        wanted = self._batching
        try:
            return await self._build_allowed(wanted)
        except errors.OutOfMemory as error:
            if (fitting := self._record.last_fitted(wanted.built_plan)) is None:
                raise
            self._fall_back(fitting, f"{wanted.built_plan}: {error}")
        self._costs.recall(self._batching)
        return await self._build_allowed(self._batching)

    async def _build_allowed(self, wanted: Batching) -> BatchStrategy:
        """The strategy of `wanted`, or of the next candidate while the model rules one out."""
        while True:
            try:
                strategy = await self._build(self._batching)
            except errors.CompilationFailed as error:
                if not self._allowed.rule_out(wanted, self._batching, error):
                    raise
                self._batching = self._allowed.choose(wanted)
                self.fallback = self._allowed.explain(wanted, self._batching.plan)
                _log.warning("model %s: %s", self.config.name, self.fallback)
            else:
                return strategy

    async def _build(self, batching: Batching) -> BatchStrategy:
        strategy = self._factory.make(batching.plan, batching)
        self._record.begin(batching.built_plan)
        fits = False
        try:
            await strategy.prepare()
            fits = True
        finally:
            self._record.end(batching.built_plan, fits=fits)
        return strategy

    def _fall_back(self, fitting: Plan, why: str) -> None:
        self.fallback = f"{why}; {fitting}, the last that fitted, serves until the configuration changes"
        _log.error("model %s: %s", self.config.name, self.fallback)
        self._batching = self._batching.with_plan(fitting)

    async def _infer(self, call: Call) -> dict[str, Tensor]:
        while (strategy := self._strategy) is not None:
            try:
                return await strategy.infer(call)
            except reload_queue.Retired:
                continue  # a switch: the next strategy takes it
        raise reload_queue.Retired


@dataclass(frozen=True)
class Observed:
    """What is known of one version beside its network, and what it shares with others."""

    costs: PlanCosts
    builds: BuildRecord
    shadow: Shadowing
    house: House


@dataclass(frozen=True)
class Tools:
    """What is needed to make a servable."""

    engine: ports.Engine
    resources: Resources
    clocks: calibration.Clocks
    trials: ports.TrialStore


@dataclass(frozen=True)
class Source:
    """What a servable is made from."""

    config: ModelConfig
    version: ports.Version
    fingerprint: ports.Fingerprint
    meter: meters.ModelMeters

    def identity(self, cores: int) -> tuple[object, ...]:
        """All that the results of a trial depend on, besides the batching."""
        properties = tuple(sorted((key, str(value)) for key, value in self.config.properties.items()))
        where = self.config.base_path, self.version, self.fingerprint, self.config.target_device
        return *where, properties, self.config.nireq, str(self.config.shape), cores


async def load(source: Source, tools: Tools) -> Servable:
    """A servable that is ready to serve. Raises ModelUnavailable or CompilationFailed."""
    config, clocks = source.config, tools.clocks
    worker = tools.resources.worker
    network = await worker.run(lambda: tools.engine.read(config, source.version))
    memory = TrialMemory(tools.trials, source.identity(tools.engine.cores))
    record = BuildRecord(tools.trials, memory.key_of("builds"))
    compiler = ModelCompiler(network, tools.resources, meter=source.meter, record=record)
    factory = StrategyFactory(
        network, worker, meter=source.meter, clock=clocks.elapsed, compiler=compiler
    )
    shadow = Shadowing(config.effective_batching, compiler, source.meter, clocks.elapsed)
    costs = PlanCosts(factory, clocks, tools.resources, memory, shadow.learn)
    observed = Observed(costs, record, shadow, tools.resources.house)
    servable = Servable(config, source.version, factory, observed)
    await servable.start()
    return servable
