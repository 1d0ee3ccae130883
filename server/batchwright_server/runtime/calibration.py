"""Measuring what each plan costs, alone on the machine, before the model is ready.

*Span* is the elapsed time of one request by itself; *work* is the processor time that the whole process
spends on it. Neither includes queueing, so both hold at any load. The smallest of a few repetitions is
taken: whatever else the machine does can only add to it.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from batchwright_server import errors
from batchwright_server.config import signals
from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.core.tensors import ANY, BatchRange
from batchwright_server.runtime import ports
from batchwright_server.runtime.inference_pool import InferencePool
from batchwright_server.runtime.strategies import factory
from batchwright_server.runtime.strategies.port import FOREVER, Call

_log = logging.getLogger(__name__)

BATCH_SIZES = (1, 4, 16)  # enough to fit a line, and to see that it is none
REPETITIONS = 3


@dataclass(frozen=True)
class Clocks:
    """Elapsed time, and the processor time of all threads of the process; both in seconds."""

    elapsed: ports.Clock
    work: ports.Clock


@dataclass(frozen=True)
class Costs:
    """What was measured; a plan that did not fit the time or cannot be compiled is missing."""

    plans: tuple[signals.PlanCost, ...] = ()
    reload: signals.ReloadCost | None = None
    tried: frozenset[Plan] = frozenset()  # also those that could not be had


@dataclass(frozen=True)
class _Measure:
    work: float
    span: float

    def best(self, other: "_Measure | None") -> "_Measure":
        if other is None:
            return self
        return _Measure(min(self.work, other.work), min(self.span, other.span))


class Calibrator:
    """Measures the plans of one network."""

    def __init__(self, strategies: factory.StrategyFactory, clocks: Clocks) -> None:
        self._factory = strategies
        self._execution = strategies.make_trial()
        self._clocks = clocks
        self._signature = strategies.network.signature
        self._reload: _Measure | None = None

    async def measure(self, batching: Batching) -> Costs:
        """The costs of all plans of `batching`, within its time limit, the serving plan first."""
        limits = batching.calibration
        if not limits.enabled or any(ANY in spec.sample_shape for spec in self._signature.inputs):
            return Costs(tried=frozenset(batching.plans))
        until = self._clocks.elapsed() + limits.max_seconds
        plans = []
        for plan in batching.plans:
            cost = await self._measure_plan(plan, batching, until)
            if cost is not None:
                plans.append(cost)
        return Costs(tuple(plans), self._reload_cost(), frozenset(batching.plans))

    def _reload_cost(self) -> signals.ReloadCost | None:
        if self._reload is None:
            return None
        return signals.ReloadCost(work_seconds=self._reload.work, span_seconds=self._reload.span)

    async def _measure_plan(
        self, plan: Plan, batching: Batching, until: float
    ) -> signals.PlanCost | None:
        points: list[signals.CostPoint] = []
        compiled: tuple[BatchRange, InferencePool] | None = None
        prepare = 0.0
        try:
            if plan.strategy in (Strategy.DEMULTIPLEX, Strategy.BUCKETS):
                await self._factory.independence.check(plan.strategy)
            for size in self._sizes(plan, batching):
                if self._clocks.elapsed() >= until:
                    return None
                batch = self._batch_for(plan, batching, size)
                if compiled is None or compiled[0] != batch:
                    pool, took = await self._compile(plan, batch)
                    compiled, prepare = (batch, pool), max(prepare, took.span)
                points.append(await self._measure_size(compiled, size))
        except errors.ServerError as error:
            _log.warning("%s is no candidate: %s", plan, error)
            return None
        return signals.PlanCost(
            plan=signals.PlanName.of(plan),
            points=tuple(points),
            prepare_seconds=prepare,
            source=signals.CostSource.CALIBRATION,
        )

    def _sizes(self, plan: Plan, batching: Batching) -> tuple[int, ...]:
        """The batch sizes to measure, of those that the plan takes."""
        if sizes := factory.sizes_of(plan, batching):
            return sizes
        if plan.strategy in (Strategy.RELOAD, Strategy.DEMULTIPLEX):
            return tuple(size for size in BATCH_SIZES if size <= batching.max_batch_size)
        batch = factory.batch_of(plan, batching, self._signature)
        return tuple(size for size in BATCH_SIZES if size in batch) or (batch.least,)

    def _batch_for(self, plan: Plan, batching: Batching, size: int) -> BatchRange:
        """What the plan has compiled when it serves `size`."""
        if factory.sizes_of(plan, batching):
            return BatchRange.only(size)
        if plan.strategy is Strategy.DEMULTIPLEX:
            return BatchRange.only(1)
        if plan.strategy is Strategy.RELOAD:
            return BatchRange.only(size)
        return factory.batch_of(plan, batching, self._signature)

    async def _compile(self, plan: Plan, batch: BatchRange) -> tuple[InferencePool, _Measure]:
        pools = []

        async def compile_once() -> None:
            pools.append(await self._factory.compile_with(plan.streams)(batch))

        took = await self._time(compile_once)
        if plan.strategy is Strategy.RELOAD:
            self._reload = took.best(self._reload)
        return pools[0], took

    async def _measure_size(
        self, compiled: tuple[BatchRange, InferencePool], size: int
    ) -> signals.CostPoint:
        batch, pool = compiled
        call = Call(await self._factory.make_inputs(self._signature, size), size, FOREVER)
        run = self._execution.run_whole if size in batch else self._execution.run_shards
        await run(pool, call)  # the first inference allocates memory
        best: _Measure | None = None
        for _ in range(REPETITIONS):
            best = (await self._time(lambda: run(pool, call))).best(best)
        work, span = (best.work, best.span) if best else (0.0, 0.0)
        return signals.CostPoint(batch_size=size, work_seconds=work, span_seconds=span)

    async def _time(self, task: Callable[[], Awaitable[object]]) -> _Measure:
        work, elapsed = self._clocks.work(), self._clocks.elapsed()
        await task()
        return _Measure(self._clocks.work() - work, self._clocks.elapsed() - elapsed)
