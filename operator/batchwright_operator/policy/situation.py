"""All that one decision looks at, gathered once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from batchwright_operator.policy import open_sizes, traffic
from batchwright_operator.policy.history import History, Window
from batchwright_operator.policy.prediction import Predictor
from batchwright_operator.policy.readings import Reading, Scrape
from batchwright_operator.policy.rules import Rules
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

    @cached_property
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

    @cached_property
    def known_alternatives(self) -> tuple[Plan, ...]:
        """The alternatives that can be compared; none where the cost of the plan in place is unknown."""
        if not self.predictor.is_known(self.state.plan):
            return ()
        return tuple(plan for plan in self.alternatives if self.predictor.is_known(plan))

    @cached_property
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
        state=replace(settled, history=history, gathered=gathered),
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
