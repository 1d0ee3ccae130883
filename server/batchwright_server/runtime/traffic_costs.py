"""What requests cost that were alone in the process: traffic itself refines the plan that serves."""

from collections import deque
from dataclasses import dataclass, field

from batchwright_server.config import signals
from batchwright_server.config.plan import Plan
from batchwright_server.runtime.inference_pool import Effort

_LATEST = 32  # of which the smallest counts: what disturbed the others can only have added to them
_LEAST = 8  # before a size has a cost
_MOST_SIZES = 16


@dataclass
class TrafficCosts:
    """The latest efforts of one plan, by batch size."""

    plan: Plan
    _efforts: dict[int, deque[Effort]] = field(default_factory=dict)

    def note(self, batch_size: int, effort: Effort) -> None:
        """Note a request that was alone, and found its size compiled."""
        known = self._efforts.get(batch_size)
        if known is None:
            if len(self._efforts) >= _MOST_SIZES:
                return
            known = self._efforts[batch_size] = deque(maxlen=_LATEST)
        known.append(effort)

    def refine(self, costs: tuple[signals.PlanCost, ...]) -> tuple[signals.PlanCost, ...]:
        """`costs`, with those of the plan's sizes that traffic shows in place of what was measured.

        A plan that was not measured stays unknown: what it takes to build would be missing.
        """
        points = {
            size: _point(size, found) for size, found in self._efforts.items() if len(found) >= _LEAST
        }
        refined: list[signals.PlanCost] = []
        for cost in costs:
            if cost.plan.plan != self.plan or not points:
                refined.append(cost)
                continue
            kept = tuple(point for point in cost.points if point.batch_size not in points)
            if kept:
                refined.append(cost.model_copy(update={"points": kept}))
            shown = tuple(points[size] for size in sorted(points))
            news = {"points": shown, "source": signals.CostSource.TRAFFIC}
            refined.append(cost.model_copy(update=news))
        return tuple(refined)


def _point(size: int, efforts: deque[Effort]) -> signals.CostPoint:
    return signals.CostPoint(
        batch_size=size,
        work_seconds=min(effort.work for effort in efforts),
        span_seconds=min(effort.span for effort in efforts),
    )
