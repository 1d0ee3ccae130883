"""Readings to build tests from: the costs of a real ResNet-50 on two cores, and a pod with counters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from batchwright_operator.policy.decide import decide
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.policy.readings import (
    CostPoint,
    Counters,
    PlanCost,
    Reading,
    ReloadCost,
    Scrape,
)
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.state import ModelState
from batchwright_server.config.plan import Plan, Strategy

RELOAD = Plan.of(Strategy.RELOAD)
DEMULTIPLEX = Plan.of(Strategy.DEMULTIPLEX)
FIXED = Plan.of(Strategy.FIXED)
NOON = 1_800_014_400.0  # 12:00 UTC

RULES = Rules(candidates=(RELOAD, DEMULTIPLEX))
RELOAD_COST = ReloadCost(work_seconds=0.250, span_seconds=0.210)
RELOAD_PLAN = PlanCost(RELOAD, (CostPoint(1, 0.024, 0.012), CostPoint(8, 0.182, 0.091)), 0.25)
DEMULTIPLEX_PLAN = PlanCost(DEMULTIPLEX, (CostPoint(1, 0.021, 0.021), CostPoint(8, 0.172, 0.088)), 0.25)
# The same with equal work and span: nothing to choose between the two as long as nothing reloads.
EVEN_PLAN = replace(RELOAD_PLAN, plan=DEMULTIPLEX)
MIXED = dict.fromkeys(range(1, 17), 1)


def scaled(cost: PlanCost, factor: float) -> PlanCost:
    """The plan's costs, multiplied."""
    points = tuple(
        CostPoint(point.batch_size, point.work_seconds * factor, point.span_seconds * factor)
        for point in cost.points
    )
    return replace(cost, points=points)


@dataclass(frozen=True)
class Pod:
    """A pod as the policy sees it, made to serve by `after`."""

    name: str = "pod-0"
    process: str = "process-0"
    plan: Plan | None = RELOAD
    uptime: float = 100.0
    cpu: float = 10.0
    counters: Counters = field(default_factory=lambda: Counters({}, 0, 0, 0.0, 0, 0.0, 0.0, 0))
    costs: tuple[PlanCost, ...] = (RELOAD_PLAN, DEMULTIPLEX_PLAN)
    reload_cost: ReloadCost | None = RELOAD_COST
    fallback: str = ""
    bucket_sizes: tuple[int, ...] = ()

    def reading(self) -> Reading:
        """What it says now."""
        return Reading(
            self.name,
            self.process,
            self.uptime,
            self.cpu,
            2,
            self.plan,
            self.counters,
            self.costs,
            self.reload_cost,
            self.fallback,
            self.bucket_sizes,
        )

    def after(
        self,
        seconds: float,
        requests: Mapping[int, int],
        *,
        reloads: int = 0,
        would_reloads: int | None = None,
        concurrency: float = 4.0,
        cpu: float | None = None,
    ) -> "Pod":
        """The pod once it has served these requests; busy with all its cores unless said."""
        old = self.counters
        sizes = {*old.requests, *requests}
        samples = sum(size * count for size, count in requests.items())
        counters = replace(
            old,
            requests={size: old.requests.get(size, 0) + requests.get(size, 0) for size in sizes},
            samples=old.samples + samples,
            in_flight_seconds=old.in_flight_seconds + concurrency * seconds,
            reloads=old.reloads + reloads,
            reload_seconds=old.reload_seconds + 0.21 * reloads,
            would_reloads=old.would_reloads + (reloads if would_reloads is None else would_reloads),
        )
        spent = 2 * seconds if cpu is None else cpu
        return replace(self, uptime=self.uptime + seconds, cpu=self.cpu + spent, counters=counters)


def mixed_on_reload(pod: Pod) -> Pod:
    """Three seconds of sizes 1 to 16 in turn, each with a reload while reload serves."""
    is_reload = pod.plan == RELOAD
    served = dict.fromkeys(MIXED, 1 if is_reload else 2)
    spent = 7.1 if is_reload else 6.0  # what the calibrated costs add up to: traffic corrects nothing
    return pod.after(3.0, served, reloads=16 if is_reload else 0, would_reloads=16, cpu=spent)


def steady(pod: Pod) -> Pod:
    """Three seconds of batch size 8, as fast as two cores go."""
    return pod.after(3.0, {8: 33}, would_reloads=0)


@dataclass
class Desk:
    """A policy at work: keeps the state and the time between decisions."""

    rules: Rules = RULES
    plan: Plan = RELOAD
    now: float = NOON

    def __post_init__(self) -> None:
        self.state = ModelState.initial(self.plan, self.now)
        self.decisions: list[Decision] = []

    def tick(self, *pods: Pod, seconds: float = 3.0, expected: int | None = None) -> Decision:
        """The decision after so much time, from what these pods say."""
        self.now += seconds
        scrape = Scrape(
            tuple(pod.reading() for pod in pods), len(pods) if expected is None else expected
        )
        self.state, decision = decide(self.rules, self.state, scrape, self.now)
        self.decisions.append(decision)
        return decision

    def serve(self, pod: Pod, ticks: int, serving: Callable[[Pod], Pod]) -> Pod:
        """The pod after so many ticks of that traffic, always on the plan wanted."""
        for _ in range(ticks):
            served = serving(pod)
            pod = replace(served, plan=self.tick(served).plan)
        return pod

    @property
    def last(self) -> Decision:
        """The newest decision."""
        return self.decisions[-1]

    @property
    def moves(self) -> list[Decision]:
        """The decisions that changed the plan."""
        return [decision for decision in self.decisions if decision.action is not Action.HOLD]

    @property
    def reasons(self) -> list[Reason]:
        """The reasons in their order, repetitions left out."""
        return [reason for reason, _ in groupby(decision.reason for decision in self.decisions)]
