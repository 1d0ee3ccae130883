"""Measuring what each plan costs, with the process to itself.

*Span* is the elapsed time of one request by itself; *work* is the processor time that the whole process
spends on it. Neither includes queueing, so both hold at any load. The smallest of a few repetitions is
taken: whatever else the machine does can only add to it. The plan that serves is measured before the
model is ready, the candidates afterwards, in moments that cost requests little or nothing.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from batchwright_server import errors
from batchwright_server.config import signals
from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.core.tensors import ANY, BatchRange
from batchwright_server.runtime import ports
from batchwright_server.runtime.inference_pool import Effort, InferencePool
from batchwright_server.runtime.quiet_moments import QuietMoments
from batchwright_server.runtime.strategies import factory
from batchwright_server.runtime.strategies.port import FOREVER, Call

T = TypeVar("T")

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

    def with_more(self, more: "Costs") -> "Costs":
        """These costs and some of other plans."""
        return Costs((*self.plans, *more.plans), self.reload or more.reload, self.tried | more.tried)


@dataclass
class _Course:
    """How far the measuring of one plan is."""

    seconds_left: float
    is_patient: bool
    was_idle: bool = True

    @property
    def source(self) -> signals.CostSource:
        return signals.CostSource.CALIBRATION if self.was_idle else signals.CostSource.PROBE


class _OutOfTime(Exception):
    """Measuring took as long as it may."""


class Calibrator:
    """Measures the plans of one network."""

    def __init__(
        self, strategies: factory.StrategyFactory, clocks: Clocks, moments: QuietMoments
    ) -> None:
        self._factory = strategies
        self._execution = strategies.make_trial()
        self._clocks = clocks
        self._moments = moments
        self._signature = strategies.network.signature

    async def measure(self, plan: Plan, batching: Batching, *, is_patient: bool) -> Costs:
        """The costs of one plan, within the time limit of `batching`.

        `is_patient`: requests go first.
        """
        limits = batching.calibration
        tried = frozenset([plan])
        if not limits.enabled or any(ANY in spec.sample_shape for spec in self._signature.inputs):
            return Costs(tried=tried)
        course = _Course(limits.max_seconds, is_patient)
        try:
            cost, reload = await self._measure_plan(plan, batching, course)
        except errors.ServerError as error:
            _log.warning("%s is no candidate: %s", plan, error)
            return Costs(tried=tried)
        except _OutOfTime:
            _log.warning("%s is no candidate: measuring takes over %g s", plan, limits.max_seconds)
            return Costs(tried=tried)
        return Costs((cost,), reload, tried)

    async def _measure_plan(
        self, plan: Plan, batching: Batching, course: _Course
    ) -> tuple[signals.PlanCost, signals.ReloadCost | None]:
        if plan.strategy in (Strategy.DEMULTIPLEX, Strategy.BUCKETS):
            await self._step(course, lambda: self._factory.independence.check(plan.strategy))
        points: list[signals.CostPoint] = []
        efforts: list[Effort] = []
        compiled: tuple[BatchRange, InferencePool] | None = None
        try:
            for size in self._sizes(plan, batching):
                batch = self._batch_for(plan, batching, size)
                if compiled is None or compiled[0] != batch:
                    await _free(compiled)
                    compiled = batch, await self._compile(plan, batch, course)
                    efforts.append(compiled[1].compiling)
                points.append(await self._measure_size(compiled, size, course))
        finally:
            await _free(compiled)
        cost = signals.PlanCost(
            plan=signals.PlanName.of(plan),
            points=tuple(points),
            prepare_seconds=_to_prepare(efforts, is_all=bool(factory.sizes_of(plan, batching))),
            source=course.source,
        )
        is_reload = plan.strategy is Strategy.RELOAD
        return cost, _to_reload(efforts) if is_reload else None

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

    async def _compile(self, plan: Plan, batch: BatchRange, course: _Course) -> InferencePool:
        compile_batch = self._factory.compile_with(plan.streams, is_trial=True)
        pool, took = await self._step(course, lambda: compile_batch(batch))
        if not pool.compiling.span:
            pool.compiling = took
        course.seconds_left -= pool.compiling.span
        return pool

    async def _measure_size(
        self, compiled: tuple[BatchRange, InferencePool], size: int, course: _Course
    ) -> signals.CostPoint:
        batch, pool = compiled
        call = Call(await self._factory.make_inputs(self._signature, size), size, FOREVER)
        run = self._execution.run_whole if size in batch else self._execution.run_shards

        async def run_alone() -> Effort:
            async with self._moments.alone(pool):
                took = (await self._time(lambda: run(pool, call)))[1]
            course.seconds_left -= took.span  # waiting for its turn costs nobody anything
            return took

        await self._step(course, run_alone)  # the first inference allocates memory
        runs = [(await self._step(course, run_alone))[0] for _ in range(REPETITIONS)]
        work, span = min(run.work for run in runs), min(run.span for run in runs)
        return signals.CostPoint(batch_size=size, work_seconds=work, span_seconds=span)

    async def _step(self, course: _Course, task: Callable[[], Awaitable[T]]) -> tuple[T, Effort]:
        """What `task` gives, in its moment, and what it took. Raises _OutOfTime."""
        if course.is_patient:
            course.was_idle &= await self._moments.wait()
        if course.seconds_left <= 0:
            raise _OutOfTime
        return await self._time(task)

    async def _time(self, task: Callable[[], Awaitable[T]]) -> tuple[T, Effort]:
        work, elapsed = self._clocks.work(), self._clocks.elapsed()
        result = await task()
        return result, Effort(self._clocks.work() - work, self._clocks.elapsed() - elapsed)


async def _free(compiled: tuple[BatchRange, InferencePool] | None) -> None:
    if compiled is not None:
        await compiled[1].free()


def _to_prepare(efforts: list[Effort], *, is_all: bool) -> float:
    """Seconds before the plan serves: of all its sizes, or of the one that it needs at first."""
    spans = [effort.span for effort in efforts]
    return sum(spans) if is_all else max(spans)


def _to_reload(efforts: list[Effort]) -> signals.ReloadCost:
    return signals.ReloadCost(
        work_seconds=min(effort.work for effort in efforts),
        span_seconds=min(effort.span for effort in efforts),
    )
