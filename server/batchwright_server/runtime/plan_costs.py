"""What the plans of one servable cost: the plan that serves first, its candidates when there is time."""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from dataclasses import dataclass

from batchwright_server.config.batching import Batching
from batchwright_server.config.plan import Plan
from batchwright_server.runtime.calibration import Calibrator, Clocks, Costs
from batchwright_server.runtime.inference_pool import Effort
from batchwright_server.runtime.model_compiler import Resources
from batchwright_server.runtime.strategies.factory import StrategyFactory
from batchwright_server.runtime.traffic_costs import TrafficCosts
from batchwright_server.runtime.trial_memory import TrialMemory, TrialResults

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alone:
    """The start of a request that had the process to itself: what it must still have at its end."""

    requests: int
    compilations: int
    effort: Effort  # the clocks


class PlanCosts:
    """Measures, remembers and refines."""

    def __init__(
        self,
        factory: StrategyFactory,
        clocks: Clocks,
        resources: Resources,
        memory: TrialMemory,
        learned: Callable[[Costs], None],
    ) -> None:
        self._learned = learned  # told of whatever is new
        self._factory = factory
        self._clocks = clocks
        self._worker = resources.worker
        self._activity = resources.moments.activity
        self._calibrator = Calibrator(factory, clocks, resources.moments)
        self._memory = memory
        self._measured = Costs()
        self._traffic: TrafficCosts | None = None
        self._probing: asyncio.Task[None] | None = None

    @property
    def measured(self) -> Costs:
        """What was measured, with what traffic showed."""
        if self._traffic is None:
            return self._measured
        plans = self._traffic.refine(self._measured.plans)
        return Costs(plans, self._measured.reload, self._measured.tried)

    def recall(self, batching: Batching) -> None:
        """Take what a server before this one found out."""
        known = self._memory.recall(batching)
        if known is None:
            return
        if known.demultiply_fault is not None:
            self._factory.independence.assume(known.demultiply_fault)
        self._measured = known.to_costs()
        self._learned(self._measured)

    async def measure_first(self, batching: Batching) -> None:
        """Measure the plan that is to serve, if it is not known."""
        await self._measure(batching.plan, batching, is_patient=False)

    def serve(self, batching: Batching) -> None:
        """From now on `batching` serves: measure what is not known of its plans, in time."""
        if self._traffic is None or self._traffic.plan != batching.plan:
            self._traffic = TrafficCosts(batching.plan)
        self.stop()
        if not self._measured.tried.issuperset(batching.plans):
            probing = self._measure_all(batching)
            # Of no request, though one may have brought the configuration.
            self._probing = asyncio.get_running_loop().create_task(
                probing, name="probe", context=contextvars.Context()
            )

    def stop(self) -> None:
        """Measure no more."""
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None

    def enter(self) -> Alone | None:
        """Note a request that begins; what it needs to be measured by, if it is alone."""
        self._activity.enter()
        if self._activity.under_way > 1 or self._worker.is_busy:
            return None
        clocks = Effort(self._clocks.work(), self._clocks.elapsed())
        return Alone(self._activity.begun, self._worker.begun, clocks)

    def leave(self, alone: Alone | None, batch_size: int | None) -> None:
        """Note that a request ended; `batch_size` is None where it failed."""
        self._activity.leave()
        if alone is None or batch_size is None or self._traffic is None:
            return
        was_alone = (alone.requests, alone.compilations) == (self._activity.begun, self._worker.begun)
        if was_alone and not self._worker.is_busy:
            began, clocks = alone.effort, self._clocks
            effort = Effort(clocks.work() - began.work, clocks.elapsed() - began.span)
            self._traffic.note(batch_size, effort)

    async def _measure_all(self, batching: Batching) -> None:
        for plan in batching.plans:
            try:
                await self._measure(plan, batching, is_patient=True)
            except Exception:  # noqa: BLE001  a trial must not harm what serves
                _log.exception("%s could not be measured", plan)

    async def _measure(self, plan: Plan, batching: Batching, *, is_patient: bool) -> None:
        if plan in self._measured.tried:
            return
        found = await self._calibrator.measure(plan, batching, is_patient=is_patient)
        self._measured = self._measured.with_more(found)
        self._learned(self._measured)
        if self._measured.plans:
            fault = self._factory.independence.known_fault
            self._memory.keep(batching, TrialResults.of(self._measured, fault))
