"""Which plan would be better, by how much, and what stands against it."""

from dataclasses import dataclass, replace
from math import sqrt

from batchwright_operator.policy import prediction
from batchwright_operator.policy.decision import Reason
from batchwright_operator.policy.rules import Objective
from batchwright_operator.policy.situation import Situation
from batchwright_server.config.plan import Plan

# One-sided 95 %: one in twenty bounds lies above the truth, and min_saving and the loss stand behind it.
CONFIDENCE_DEVIATIONS = 1.64
# Fewer slices have no spread to speak of.
FEWEST_SLICES = 3
# A loss is remembered up to this many times what a switch must have lost. Unbounded, a long spell just
# below min_saving would leave no need of evidence for the first spell above it.
LOSS_CAP = 2
# So much is remembered even where a switch costs nothing.
FREE_SWITCH_LOSS_SECONDS = 1.0


@dataclass(frozen=True)
class Alternative:
    """A plan weighed against the one in place."""

    plan: Plan
    saving: float  # share of the present cost that it would save; negative where it costs more
    lowest_saving: float  # the lower bound of that, from the spread over slices
    speedup: float  # present cost over its cost
    loss_seconds: float  # accumulated since the last switch by not having it
    needed_seconds: float  # the loss at which a switch pays


def accumulate(situation: Situation) -> Situation:
    """The situation with the newest slice's losses added.

    Like a CUSUM: a plan that would have cost more brings its loss down, never below 0.
    """
    newest = situation.state.history.newest
    known = known_alternatives(situation)
    if newest is None or not known:
        return situation
    predictor, plan = situation.predictor, situation.state.plan
    present = predictor.cost(newest.pods, plan)
    losses: dict[Plan, int] = {}
    for other in known:
        change = round(1e6 * (present - predictor.cost(newest.pods, other)))
        cap = round(1e6 * (LOSS_CAP * _needed_seconds(situation, other) + FREE_SWITCH_LOSS_SECONDS))
        losses[other] = min(max(0, situation.state.losses.get(other, 0) + change), cap)
    return replace(situation, state=replace(situation.state, losses=losses))


def known_alternatives(situation: Situation) -> tuple[Plan, ...]:
    """The alternatives that can be compared; none where the cost of the plan in place is unknown."""
    predictor = situation.predictor
    if not predictor.is_known(situation.state.plan):
        return ()
    return tuple(plan for plan in situation.alternatives if predictor.is_known(plan))


def weigh(situation: Situation) -> tuple[Alternative, ...]:
    """The alternatives that can be compared, the best first."""
    known = known_alternatives(situation)
    present = situation.predictor.cost(situation.window, situation.state.plan)
    if not present > 0:
        return ()
    weighed = [_weighed(situation, plan, present) for plan in known]
    return tuple(sorted(weighed, key=lambda it: (-it.saving, it.plan)))


def objection(situation: Situation, alternative: Alternative) -> Reason | None:
    """The first thing that stands against switching to `alternative` now; None where nothing does."""
    rules, state = situation.rules, situation.state
    rests = any(
        failure.plan == alternative.plan
        and failure.blocks(alternative.saving, rules=rules, now=situation.now)
        for failure in state.failures
    )
    objections = {
        Reason.ALREADY_BEST: alternative.saving <= 0,
        Reason.SAVING_TOO_SMALL: 100 * alternative.lowest_saving <= rules.min_saving_percent,
        Reason.FAILED_BEFORE: rests,
        Reason.COOLING_DOWN: state.is_cooling(rules, situation.now),
        Reason.LOSS_TOO_SMALL: alternative.loss_seconds <= alternative.needed_seconds,
    }
    return next((reason for reason, holds in objections.items() if holds), None)


def _weighed(situation: Situation, plan: Plan, present: float) -> Alternative:
    cost = situation.predictor.cost(situation.window, plan)
    saving = 1 - cost / present
    return Alternative(
        plan=plan,
        saving=saving,
        lowest_saving=saving - CONFIDENCE_DEVIATIONS * _standard_error(situation, plan),
        speedup=present / cost if cost > 0 else 1.0,
        loss_seconds=situation.state.losses.get(plan, 0) / 1e6,
        needed_seconds=_needed_seconds(situation, plan),
    )


def _needed_seconds(situation: Situation, plan: Plan) -> float:
    """The loss at which a switch pays; every pod prepares the plan, and warms its cache, for itself.

    Under Latency a loss counts every request's time, so the requests that a switch may hold up count
    as well.
    """
    costs = situation.predictor.costs
    each = costs.plans[plan].prepare_seconds + sum(
        prediction.cold_start_seconds(change, plan, costs) for change in situation.window.values()
    ) / max(1, len(situation.window))
    pods = max(1, situation.expected_pods)
    is_latency = situation.rules.objective is Objective.LATENCY
    waiting = situation.total.concurrency if is_latency else 1.0
    return situation.rules.loss_multiple * pods * waiting * each


def _standard_error(situation: Situation, plan: Plan) -> float:
    """Of the saved share, as a ratio of sums over slices; slices without requests say nothing."""
    predictor, serving = situation.predictor, situation.state.plan
    slices = [part.pods for part in situation.state.history.slices]
    costs = ((predictor.cost(pods, serving), predictor.cost(pods, plan)) for pods in slices)
    pairs = [(present, other) for present, other in costs if present > 0]
    count = len(pairs)
    if count < FEWEST_SLICES:
        return float("inf")
    whole = sum(present for present, _ in pairs)
    share = 1 - sum(other for _, other in pairs) / whole
    squares = sum((present - other - share * present) ** 2 for present, other in pairs)
    return sqrt(squares * count / (count - 1)) / whole
