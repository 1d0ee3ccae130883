"""What a piece of traffic would cost under a plan.

Elapsed inference time is no cost: it includes queueing and doubles with load. The prediction rests on
*work* (core-seconds) and *span* (seconds alone on the machine), which do not depend on load.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from batchwright_operator.policy import splitting, traffic
from batchwright_operator.policy.costs import Costs
from batchwright_operator.policy.demand import Counted, Demand, Piece, Tariff
from batchwright_operator.policy.once import once
from batchwright_operator.policy.readings import ReloadCost
from batchwright_operator.policy.rules import Objective
from batchwright_operator.policy.traffic import Traffic
from batchwright_server.config.plan import Plan, Strategy, Streams

# Where queueing theory's 1 / (1 - utilisation) explodes, waiting is taken to grow in proportion instead:
# beyond this utilisation no server is stable and only the order of the plans matters.
HIGHEST_UTILISATION = 0.95
NOTHING = ReloadCost(0.0, 0.0)

Parts = Sequence[Mapping[str, Traffic]]  # each by pod


@dataclass(frozen=True)
class Predictor:
    """Predicts for the traffic of one window, seen while `serving` was in place."""

    costs: Costs
    serving: Plan
    objective: Objective
    window: Mapping[str, Traffic]  # by pod
    split_entries: int = 0  # of a reload that splits: how many sizes it keeps

    @once
    def total(self) -> Traffic:
        """The whole window's traffic, of all pods."""
        return traffic.total(self.window.values())

    def is_known(self, plan: Plan) -> bool:
        """Whether all that this traffic would need under `plan` has a measured cost."""
        if self.costs.reload is None and self._reloads(self.total, plan) > 0:
            return False
        return plan in self.costs.plans

    def bounded_by_spending(self) -> "Predictor":
        """The same predictor, the plan in place costing no more than the processes really spent.

        Whatever disturbed a calibration can only have made a plan look dearer than it is. The plan in
        place is the one of which traffic shows it; the others keep the benefit of no doubt, since a
        plan that is not there need not be switched to. What was spent is an upper bound: it holds
        what no plan can save, and other models of the same process.
        """
        whole = self.total
        if not self.is_known(self.serving) or not whole.cpu_seconds > 0:
            return self
        predicted = self.demand(whole, self.serving).work
        if predicted <= whole.cpu_seconds:
            return self
        factor = whole.cpu_seconds / predicted
        return replace(self, costs=self.costs.scaled(self.serving, factor))

    def demand(self, change: Traffic, plan: Plan) -> Demand:
        """What `change` asks of a pod under `plan`, with what checks have taught."""
        if change is self.total and plan in self._demands:
            return self._demands[plan]
        (counted,) = self._pieces([(change, change)], plan)
        found = self._tariff(plan).demand(Piece(*counted))
        if change is self.total:
            self._demands[plan] = found
        return found

    def inference(self, change: Traffic, plan: Plan) -> Demand:
        """What `change` asks of a pod under `plan`, reloads aside."""
        lines = self.costs.plans[plan]
        runs, samples = lines.runs(change)
        return Demand(
            work=lines.factor * lines.work.total(runs, samples),
            span=lines.factor * lines.span.total(runs, samples),
            serial=0.0,
        )

    def costs_of(self, parts: Parts, plans: Iterable[Plan]) -> dict[Plan, list[float]]:
        """What each of several parts of the traffic costs under each plan, in seconds.

        Those that the objective counts: Throughput the pod-seconds needed to serve it, each pod at its
        concurrency over the window, Latency the seconds its requests spend in the server.
        """
        if self.objective is Objective.LATENCY:
            return {
                plan: [sum(self._time_in_server(it, plan) for it in pods.values()) for pods in parts]
                for plan in plans
            }
        return self._elapsed(parts, plans)

    def samples_per_second(self, plan: Plan) -> float:
        """What all pods together could serve of the window's mix."""
        return self.samples_per_second_under((plan,))[plan]

    def samples_per_second_under(self, plans: Sequence[Plan]) -> dict[Plan, float]:
        """The same under each of several plans."""
        samples = len(self.window) * self.total.samples
        elapsed = self._elapsed((self.window,), plans)
        return {plan: samples / seconds if seconds > 0 else 0.0 for plan, (seconds,) in elapsed.items()}

    @once
    def switch_seconds(self) -> Mapping[Plan, float]:
        """What a pod pays for a switch to each plan: it prepares the plan, and warms its cache."""
        changes = self.window.values()
        compiling = sum(cold_start_seconds(it, self.costs) for it in changes) / max(1, len(changes))
        return {
            plan: lines.prepare_seconds + (compiling if plan.strategy is Strategy.RELOAD else 0.0)
            for plan, lines in self.costs.plans.items()
        }

    def _elapsed(self, parts: Parts, plans: Iterable[Plan]) -> dict[Plan, list[float]]:
        changes = [
            (change, self.window.get(pod, change)) for pods in parts for pod, change in pods.items()
        ]
        as_they_come: list[Counted] | None = None  # the same for all plans but those that pad
        found = {}
        for plan in plans:
            is_padded = self.costs.plans[plan].padding is not None
            if is_padded or as_they_come is None:
                pieces = self._pieces(changes, plan)
                as_they_come = as_they_come if is_padded else pieces
            else:
                pieces = as_they_come
            found[plan] = _sums(self._tariff(plan).elapsed(pieces), parts)
        return found

    def _pieces(self, changes: Sequence[tuple[Traffic, Traffic]], plan: Plan) -> list[Counted]:
        """What each first one becomes under `plan`, on a pod as busy as in the second one."""
        has_counted = self.serving.strategy is Strategy.RELOAD and not self.split_entries
        lines = self.costs.plans[plan]
        counted = [
            (
                change.request_count,
                change.samples,
                change.reloads if has_counted else change.would_reloads,
                pace.concurrency,
                pace.cores,
            )
            for change, pace in changes
        ]
        if lines.padding is None:
            return counted
        return [
            (*lines.runs(change), reloads, concurrency, cores)
            for (change, _), (_, _, reloads, concurrency, cores) in zip(changes, counted, strict=True)
        ]

    @once
    def _demands(self) -> dict[Plan, Demand]:
        """What the whole window asks for, as far as that was asked so far."""
        return {}

    @once
    def _tariffs(self) -> dict[Plan, Tariff]:
        """Those that were asked for so far."""
        return {}

    def _tariff(self, plan: Plan) -> Tariff:
        found = self._tariffs.get(plan)
        if found is None:
            found = self._tariffs[plan] = self._build_tariff(plan)
        return found

    def _build_tariff(self, plan: Plan) -> Tariff:
        lines, reload = self.costs.plans[plan], self.costs.reload
        is_alone = plan.streams is Streams.ONE
        if plan.strategy is not Strategy.RELOAD or reload is None:
            return Tariff(lines, NOTHING, is_alone)
        if not self.split_entries:
            return Tariff(lines, reload, is_alone)
        price = splitting.price_of_miss(
            self.total, lines, reload, misses=self.total.would_reloads, entries=self.split_entries
        )
        return Tariff(lines, price, is_alone, is_awaited=False)

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


def cold_start_seconds(change: Traffic, costs: Costs) -> float:
    """What reload pays after a switch to it: it compiles every batch size in use again."""
    if costs.reload is None:
        return 0.0
    return len(change.requests) * costs.reload.span_seconds


def _sums(each: list[float], parts: Parts) -> list[float]:
    """The sum for each part of what its pods take; `each` has the pods of all parts in their order."""
    if len(each) == len(parts) and all(parts):
        return each
    ends = accumulate((len(pods) for pods in parts), initial=0)
    return [sum(each[first:end]) for first, end in pairwise(ends)]
