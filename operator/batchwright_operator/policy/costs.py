"""What the plans cost: lines fitted to the measured points, the median over the pods."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from batchwright_operator.policy.padding import Padding
from batchwright_operator.policy.readings import CostPoint, PlanCost, Reading, ReloadCost
from batchwright_operator.policy.traffic import Traffic
from batchwright_server.config.plan import Plan, Strategy


@dataclass(frozen=True)
class Line:
    """Seconds for a request of b samples: `fixed + per_sample * b`, both at least 0."""

    fixed: float
    per_sample: float

    def at(self, batch_size: int) -> float:
        """Seconds for one request of `batch_size` samples."""
        return self.fixed + self.per_sample * batch_size

    def total(self, requests: int, samples: int) -> float:
        """Seconds for so many requests with so many samples between them."""
        return self.fixed * requests + self.per_sample * samples


@dataclass(frozen=True)
class PlanLines:
    """One plan's costs; `factor` multiplies both lines and is what was learnt since (1: nothing)."""

    work: Line
    span: Line
    prepare_seconds: float
    factor: float = 1.0
    padding: Padding | None = None  # of buckets; None: requests are inferred as they come

    def runs(self, change: Traffic) -> tuple[int, int]:
        """The inferences that the requests become, and the samples in them."""
        if self.padding is None:
            return change.request_count, change.samples
        runs = self.padding.runs(change.requests)
        return runs.inferences, runs.samples


@dataclass(frozen=True)
class Costs:
    """All that is known of the plans' costs."""

    plans: Mapping[Plan, PlanLines] = field(default_factory=dict)
    reload: ReloadCost | None = None

    def corrected(self, factors: Mapping[Plan, float]) -> "Costs":
        """These costs with what checks have taught."""
        if not factors:
            return self
        lines = {
            plan: replace(it, factor=factors.get(plan.base, 1.0)) for plan, it in self.plans.items()
        }
        return replace(self, plans=lines)

    def scaled(self, plan: Plan, factor: float) -> "Costs":
        """These costs with those of `plan`, which must be known, multiplied by `factor`."""
        lines = self.plans[plan]
        return replace(self, plans={**self.plans, plan: replace(lines, factor=factor * lines.factor)})


@dataclass(frozen=True)
class Gathered:
    """Costs, and what they were gathered from: pods repeat what they measured."""

    costs: Costs = field(default_factory=Costs)
    source: object = None  # equal sources give equal costs

    def renewed(
        self, readings: Iterable[Reading], bucket_sizes: Sequence[int] = (), *, fewest_points: int = 1
    ) -> "Gathered":
        """The costs that the pods tell now; these ones where they tell what they told before."""
        told = tuple(readings)
        source = (tuple(bucket_sizes), [(it.costs, it.reload_cost) for it in told], _reload_counts(told))
        if source == self.source:
            return self
        return Gathered(gather(told, bucket_sizes, fewest_points=fewest_points), source)


def fit(points: Sequence[tuple[int, float]]) -> Line:
    """The least-squares line through (batch size, seconds) with no negative part.

    One batch size alone gives a line through the origin: every sample costs the same. Raises
    ValueError without points.
    """
    if not points:
        raise ValueError("expected at least one (batch size, seconds) point, got none")
    mean_size = sum(size for size, _ in points) / len(points)
    mean_cost = sum(cost for _, cost in points) / len(points)
    spread = sum((size - mean_size) ** 2 for size, _ in points)
    if spread == 0:
        return Line(0.0, mean_cost / mean_size)
    slope = sum((size - mean_size) * (cost - mean_cost) for size, cost in points) / spread
    if slope < 0:
        return Line(mean_cost, 0.0)
    if mean_cost < slope * mean_size:
        through_origin = sum(size * cost for size, cost in points) / sum(size**2 for size, _ in points)
        return Line(0.0, through_origin)
    return Line(mean_cost - slope * mean_size, slope)


def gather(
    readings: Iterable[Reading], bucket_sizes: Sequence[int] = (), *, fewest_points: int = 1
) -> Costs:
    """The costs that the pods measured, each the median over the pods that know it.

    `bucket_sizes`: the sizes that buckets are compiled for; without them no padding is reckoned with.
    `fewest_points`: of these that make a line; with fewer it goes through all points. Two tell an
    inference's own cost from its samples', which is what buckets of other sizes are judged by.
    """
    known = tuple(readings)
    measured: dict[Plan, list[PlanCost]] = {}
    for reading in known:
        for cost in reading.costs:
            if any(_is_usable(point) for point in cost.points):
                measured.setdefault(cost.plan, []).append(cost)
    lines = {
        plan: _padded(costs, bucket_sizes, fewest_points)
        if plan.strategy is Strategy.BUCKETS and bucket_sizes
        else _lines(costs)
        for plan, costs in measured.items()
    }
    return Costs(lines, _reload(known))


def _is_usable(point: CostPoint) -> bool:
    return point.batch_size > 0 and point.work_seconds > 0 and point.span_seconds > 0


def _lines(measured: Sequence[PlanCost]) -> PlanLines:
    work: dict[int, list[float]] = {}
    span: dict[int, list[float]] = {}
    for point in (point for cost in measured for point in cost.points if _is_usable(point)):
        work.setdefault(point.batch_size, []).append(point.work_seconds)
        span.setdefault(point.batch_size, []).append(point.span_seconds)
    return PlanLines(
        work=fit([(size, median(values)) for size, values in sorted(work.items())]),
        span=fit([(size, median(values)) for size, values in sorted(span.items())]),
        prepare_seconds=median(cost.prepare_seconds for cost in measured),
    )


def _padded(measured: Sequence[PlanCost], sizes: Sequence[int], fewest_points: int) -> PlanLines:
    """Lines through the compiled sizes where these were measured: other requests are padded to them."""
    exact = [
        replace(cost, points=points)
        for cost in measured
        if (points := tuple(point for point in cost.points if point.batch_size in sizes))
    ]
    known = {point.batch_size for cost in exact for point in cost.points}
    lines = _lines(exact if len(known) >= fewest_points else measured)
    padding = Padding(tuple(sizes), lines.work.fixed, lines.work.per_sample)
    return replace(lines, padding=padding)


def _reload(readings: Sequence[Reading]) -> ReloadCost | None:
    """The calibrated cost of a reload; without one, what reloads took in traffic, on one core."""
    calibrated = [reading.reload_cost for reading in readings if reading.reload_cost is not None]
    if calibrated:
        return ReloadCost(
            median(cost.work_seconds for cost in calibrated),
            median(cost.span_seconds for cost in calibrated),
        )
    reloads, seconds = _reload_counts(readings)
    return ReloadCost(seconds / reloads, seconds / reloads) if reloads else None


def _reload_counts(readings: Sequence[Reading]) -> tuple[int, float]:
    """Reloads and what they took, where their cost is to be told from them: no pod has calibrated it."""
    if any(reading.reload_cost is not None for reading in readings):
        return 0, 0.0
    reloads = sum(reading.counters.reloads for reading in readings)
    return reloads, sum(reading.counters.reload_seconds for reading in readings)
