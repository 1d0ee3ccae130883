"""What a piece of traffic would cost under a plan.

Elapsed inference time is no cost: it includes queueing and doubles with load. The prediction rests on
*work* (core-seconds) and *span* (seconds alone on the machine), which do not depend on load.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from batchwright_operator.policy import traffic
from batchwright_operator.policy.costs import Costs, PlanLines
from batchwright_operator.policy.readings import ReloadCost
from batchwright_operator.policy.rules import Objective
from batchwright_operator.policy.traffic import Traffic
from batchwright_server.config.plan import Plan, Strategy, Streams

# Where queueing theory's 1 / (1 - utilisation) explodes, waiting is taken to grow in proportion instead:
# beyond this utilisation no server is stable and only the order of the plans matters.
HIGHEST_UTILISATION = 0.95


@dataclass(frozen=True)
class Demand:
    """What traffic asks for under a plan, in seconds.

    `work` is shared by the cores, `span` by the requests in the server at once, and `serial` by nobody:
    one compilation runs at a time, and so does one inference of a plan with one stream.
    """

    work: float
    span: float
    serial: float

    def elapsed(self, *, concurrency: float, cores: float) -> float:
        """The time it takes a pod that never idles: the tightest of the three limits."""
        return max(self.work / cores, self.span / concurrency, self.serial)


@dataclass(frozen=True)
class Predictor:
    """Predicts for the traffic of one window, seen while `serving` was in place."""

    costs: Costs
    serving: Plan
    objective: Objective
    window: Mapping[str, Traffic]  # by pod

    def is_known(self, plan: Plan) -> bool:
        """Whether all that this traffic would need under `plan` has a measured cost."""
        has_reloads = self._reloads(traffic.total(self.window.values()), plan) > 0
        return plan in self.costs.plans and (self.costs.reload is not None or not has_reloads)

    def bounded_by_spending(self) -> "Predictor":
        """The same predictor, the plan in place costing no more than the processes really spent.

        Whatever disturbed a calibration can only have made a plan look dearer than it is. The plan in
        place is the one of which traffic shows it; the others keep the benefit of no doubt, since a
        plan that is not there need not be switched to. What was spent is an upper bound: it holds
        what no plan can save, and other models of the same process.
        """
        whole = traffic.total(self.window.values())
        if not self.is_known(self.serving) or not whole.cpu_seconds > 0:
            return self
        predicted = self.demand(whole, self.serving).work
        if predicted <= whole.cpu_seconds:
            return self
        factor = whole.cpu_seconds / predicted
        return replace(self, costs=self.costs.scaled(self.serving, factor))

    def demand(self, change: Traffic, plan: Plan) -> Demand:
        """What `change` asks of a pod under `plan`, with what checks have taught."""
        lines = self.costs.plans[plan]
        reload = self.costs.reload or ReloadCost(0.0, 0.0)
        reloads = self._reloads(change, plan)
        work, span = _inference(change, lines)
        streaming = span if plan.streams is Streams.ONE else 0.0
        return Demand(
            work=lines.factor * (work + reloads * reload.work_seconds),
            span=lines.factor * (span + reloads * reload.span_seconds),
            serial=lines.factor * max(streaming, reloads * reload.span_seconds),
        )

    def inference(self, change: Traffic, plan: Plan) -> Demand:
        """What `change` asks of a pod under `plan`, reloads aside."""
        lines = self.costs.plans[plan]
        work, span = _inference(change, lines)
        return Demand(lines.factor * work, lines.factor * span, 0.0)

    def cost(self, pods: Mapping[str, Traffic], plan: Plan) -> float:
        """What the traffic in `pods` costs under `plan`, in the seconds that the objective counts.

        Throughput counts the pod-seconds needed to serve it, Latency the seconds its requests spend
        in the server.
        """
        if self.objective is Objective.LATENCY:
            return sum(self._time_in_server(change, plan) for change in pods.values())
        return self.elapsed(pods, plan)

    def elapsed(self, pods: Mapping[str, Traffic], plan: Plan) -> float:
        """Pod-seconds to serve the traffic in `pods`, each pod at its concurrency over the window."""
        return sum(
            self.demand(change, plan).elapsed(concurrency=pace.concurrency, cores=pace.cores)
            for pod, change in pods.items()
            for pace in [self.window.get(pod, change)]
        )

    def samples_per_second(self, plan: Plan) -> float:
        """What all pods together could serve of the window's mix."""
        seconds = self.elapsed(self.window, plan)
        samples = sum(change.samples for change in self.window.values())
        return len(self.window) * samples / seconds if seconds > 0 else 0.0

    def _reloads(self, change: Traffic, plan: Plan) -> int:
        return change.reloads_under(strategy=plan.strategy, serving=self.serving.strategy)

    def _time_in_server(self, change: Traffic, plan: Plan) -> float:
        """Mean time alone, stretched by utilisation at the offered load: a mean, not yet the p99.

        One server and exponential times are assumed, which is enough to rank plans.
        """
        if not change.seconds:
            return 0.0
        demand = self.demand(change, plan)
        busy = max(demand.work / change.cores, demand.serial) / change.seconds
        bounded = min(busy, HIGHEST_UTILISATION)
        return demand.span / (1 - bounded) * max(1.0, busy / HIGHEST_UTILISATION)


def cold_start_seconds(change: Traffic, plan: Plan, costs: Costs) -> float:
    """What a plan pays after its switch: reload compiles every batch size in use again."""
    if plan.strategy is not Strategy.RELOAD or costs.reload is None:
        return 0.0
    return len(change.requests) * costs.reload.span_seconds


def _inference(change: Traffic, lines: PlanLines) -> tuple[float, float]:
    runs = lines.runs(change.requests)
    work, span = (line.total(runs.inferences, runs.samples) for line in (lines.work, lines.span))
    return work, span
