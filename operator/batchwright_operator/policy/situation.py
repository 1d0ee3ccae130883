"""All that one decision looks at, gathered once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from batchwright_operator.policy import open_sizes, traffic
from batchwright_operator.policy.history import History, Window
from batchwright_operator.policy.once import once
from batchwright_operator.policy.prediction import Predictor
from batchwright_operator.policy.readings import Reading, Scrape
from batchwright_operator.policy.rules import Objective, Rules
from batchwright_operator.policy.state import ModelState
from batchwright_operator.policy.traffic import Traffic
from batchwright_server.config.plan import Plan, Strategy

# After a switch the first quarter of a window is left out of the check: caches fill, clients find their
# pace again, and the old plan's last requests finish.
WARM_UP_WINDOW_SHARE = 0.25


@dataclass(frozen=True)
class Situation:
    """One model at one moment."""

    rules: Rules
    state: ModelState
    readings: Mapping[str, Reading]  # by pod
    expected_pods: int
    now: float
    window: Mapping[str, Traffic]  # by pod
    predictor: Predictor
    candidates: tuple[Plan, ...]  # the rules', buckets with the sizes that are best for the window

    @once
    def total(self) -> Traffic:
        """The whole window's traffic, of all pods."""
        return self.predictor.total

    @property
    def fresh_pods(self) -> int:
        """Pods whose own clock moves."""
        seconds = self.rules.window_seconds
        return sum(self.state.history.is_fresh(pod, window_seconds=seconds) for pod in self.readings)

    @property
    def has_quorum(self) -> bool:
        """Whether more than half of the pods gave fresh numbers."""
        return 2 * self.fresh_pods > self.expected_pods

    @property
    def settled_pods(self) -> int:
        """Pods that serve with the plan wanted."""
        return sum(reading.plan == self.state.plan for reading in self.readings.values())

    @property
    def is_settled(self) -> bool:
        """Whether every pod that answered serves with the plan wanted."""
        return self.settled_pods == len(self.readings)

    def since(self, first_slice: int) -> "Situation":
        """The same moment, looking at the window's slices from that one on."""
        if not first_slice:
            return self
        kept = self.state.history.slices[first_slice:]
        history = replace(self.state.history, slices=kept)
        window = history.by_pod
        return replace(
            self,
            state=replace(self.state, history=history),
            window=window,
            predictor=replace(self.predictor, window=window),
        )

    def having_lost(self, losses: Mapping[Plan, int], tolls: Mapping[Plan, int]) -> "Situation":
        """The same moment with other losses; what was found of it so far rests on none."""
        other = object.__new__(Situation)
        other.__dict__.update(self.__dict__)
        other.__dict__["state"] = self.state.having_lost(losses, tolls)
        return other

    @once
    def needed_seconds(self) -> Mapping[Plan, float]:
        """The loss at which a switch to each known alternative pays.

        Every pod prepares the plan, and warms its cache, for itself. A plan that was left at a loss has
        to earn that too: the next turn may cost as much again. Under Latency a loss counts every
        request's time, so the requests that a switch may hold up count as well.
        """
        is_latency = self.rules.objective is Objective.LATENCY
        waiting = self.total.concurrency if is_latency else 1.0
        pods, each = max(1, self.expected_pods), self.predictor.switch_seconds
        return {
            plan: self.rules.loss_multiple * (pods * waiting * each[plan])
            + self.state.burden_seconds(plan, self.now)
            for plan in self.known_alternatives
        }

    @once
    def slice_costs(self) -> Mapping[Plan, Sequence[float]]:
        """What each slice costs under the plan in place and under each known alternative."""
        parts = [part.pods for part in self.state.history.slices]
        return self.predictor.costs_of(parts, (self.state.plan, *self.known_alternatives))

    @property
    def newest_costs(self) -> Mapping[Plan, float]:
        """What the newest slice costs, which must be there.

        Told from the costs of all slices where these will be asked for too.
        """
        history, plans = self.state.history, (self.state.plan, *self.known_alternatives)
        if self.total.request_count >= self.rules.min_requests:
            return {plan: costs[-1] for plan, costs in self.slice_costs.items()}
        found = self.predictor.costs_of([part.pods for part in history.slices[-1:]], plans)
        return {plan: costs[-1] for plan, costs in found.items()}

    @once
    def known_alternatives(self) -> tuple[Plan, ...]:
        """The alternatives that can be compared; none where the cost of the plan in place is unknown."""
        if not self.predictor.is_known(self.state.plan):
            return ()
        return tuple(plan for plan in self.alternatives if self.predictor.is_known(plan))

    @once
    def alternatives(self) -> tuple[Plan, ...]:
        """The plans to weigh against the one in place.

        Fixed is none: it takes one batch size and would refuse the requests of all others.
        """
        others = (plan for plan in self.candidates if plan != self.state.plan)
        return tuple(dict.fromkeys(plan for plan in others if plan.strategy is not Strategy.FIXED))

    @property
    def named_plans(self) -> tuple[Plan, ...]:
        """The plan in place and its alternatives, but for other sizes of it: those have no name."""
        base = self.state.plan.base
        return (self.state.plan, *(plan for plan in self.alternatives if plan.base != base))


def look(rules: Rules, state: ModelState, scrape: Scrape, now: float) -> Situation:
    """The situation at `now`, with the new readings in the state's history."""
    readings = {pod: _as_wanted(it, rules, state) for pod, it in scrape.by_pod().items()}
    settled = _noting_settled(state, readings, scrape.expected_pods, now)
    sizes, is_open = open_sizes.sizes_in_force(rules, state.plan), rules.most_buckets > 0
    gathered = settled.gathered.renewed(readings.values(), sizes, fewest_points=1 + is_open)
    kept = History() if _is_warming(settled, rules, now) else settled.history
    reach = Window(rules.window_seconds, rules.min_requests)
    history = kept.extended(readings, plan=state.plan, now=now, window=reach)
    window = history.by_pod
    costs = gathered.costs.corrected(settled.factors(now))
    candidates = open_sizes.candidates(rules, costs, traffic.total(window.values()).requests)
    predictor = Predictor(
        costs=open_sizes.priced(costs, (state.plan, *candidates)),
        serving=state.plan,
        objective=rules.objective,
        window=window,
        split_entries=rules.split_entries,
    )
    is_telling = predictor.total.request_count >= rules.min_requests
    return Situation(
        rules=rules,
        state=settled.having_seen(history, gathered),
        readings=readings,
        expected_pods=scrape.expected_pods,
        now=now,
        window=window,
        predictor=predictor.bounded_by_spending() if is_telling else predictor,
        candidates=candidates,
    )


def _as_wanted(reading: Reading, rules: Rules, state: ModelState) -> Reading:
    """The reading in the rules' words: plans have sizes where these are open."""
    canary = state.canary
    wanted = canary.plan if canary is not None and canary.pod == reading.pod else state.plan
    return reading.serving(wanted, is_open=rules.most_buckets > 0)


def _noting_settled(
    state: ModelState, readings: Mapping[str, Reading], expected_pods: int, now: float
) -> ModelState:
    """The state once every pod serves the plan that a pending check is about."""
    serving = sum(reading.plan == state.plan for reading in readings.values())
    is_settled = 2 * serving > expected_pods and serving == len(readings)
    if state.check is None or not is_settled:
        return state
    return replace(state, check=state.check.settled(now))


def _is_warming(state: ModelState, rules: Rules, now: float) -> bool:
    if state.check is None:
        return False
    settled_at = state.check.settled_at
    return settled_at is None or now - settled_at < WARM_UP_WINDOW_SHARE * rules.window_seconds
