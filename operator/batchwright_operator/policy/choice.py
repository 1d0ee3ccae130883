"""Which plan would be better, by how much, and what stands against it."""

from collections.abc import Sequence
from dataclasses import dataclass

from batchwright_operator.policy import evidence
from batchwright_operator.policy.decision import Reason
from batchwright_operator.policy.evidence import Numbers
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.situation import Situation
from batchwright_server.config.plan import Plan

# A loss is remembered up to this many times what a switch must have lost. Unbounded, a long spell just
# below min_saving would leave no need of evidence for the first spell above it.
LOSS_CAP = 12
# A loss of so many times what a switch must have lost has lasted: half of min_saving need be sure then.
LASTING_LOSS = 10
# A plan that is this much better is urgent: what flapping adds to the cool-down does not hold it up. No
# calibration is wrong by as much without being found out.
URGENT_SPEEDUP = 1.5
# So much is remembered even where a switch costs nothing.
FREE_SWITCH_LOSS_SECONDS = 1.0


@dataclass(frozen=True)
class Alternative:
    """A plan weighed against the one in place."""

    plan: Plan
    saving: float  # share of the present cost that it would save; negative where it costs more
    lowest_saving: float  # the lower bound of that, from the spread over slices
    first_slice: int  # of the window, from which on this holds
    speedup: float  # present cost over its cost
    loss_seconds: float  # accumulated since the last switch by not having it
    needed_seconds: float  # the loss at which a switch pays
    certain_loss_seconds: float  # lost since the traffic turned, at the very least; 0 if not urgent

    @property
    def is_urgent(self) -> bool:
        """Whether the plan is so much better that flapping is no reason to wait."""
        return self.speedup >= URGENT_SPEEDUP

    @property
    def is_pressing(self) -> bool:
        """Whether neither a full window nor a cool-down is worth what waiting for it costs."""
        return self.is_urgent and self.certain_loss_seconds > self.needed_seconds


def accumulate(situation: Situation) -> Situation:
    """The situation with the newest slice's losses added.

    Like a CUSUM: a plan that would have cost more brings its loss down, never below 0.
    """
    known = situation.known_alternatives
    if situation.state.history.newest is None or not known:
        return situation
    costs, needed = situation.newest_costs, situation.needed_seconds
    present = costs[situation.state.plan]
    losses: dict[Plan, int] = {}
    tolls: dict[Plan, int] = {}
    worth = (1 - situation.rules.min_saving_percent / 100) * present
    for other in known:
        cost = costs[other]
        change = round(1e6 * (present - cost))
        cap = round(1e6 * (LOSS_CAP * needed[other] + FREE_SWITCH_LOSS_SECONDS))
        name = other.base  # which sizes are best may change; that buckets are missed adds up
        losses[name] = min(max(0, situation.state.losses.get(name, 0) + change), cap)
        tolls[name] = max(0, situation.state.tolls.get(name, 0) + round(1e6 * (worth - cost)))
    return situation.having_lost(losses, tolls)


class Weighing:
    """The alternatives, weighed once, where they are asked for twice."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._found: tuple[Alternative, ...] | None = None

    def alternatives(self) -> tuple[Alternative, ...]:
        """Those that can be compared, the best first."""
        if self._found is None:
            self._found = weigh(self._situation)
        return self._found


def weigh(situation: Situation) -> tuple[Alternative, ...]:
    """The alternatives that can be compared, the best first."""
    known = situation.known_alternatives
    if not known:
        return ()
    costs, serving = situation.slice_costs, situation.state.plan
    if not any(costs[serving]):
        return ()
    requests = [part.requests for part in situation.state.history.slices]
    weighed = [
        _weighed(
            situation,
            plan,
            list(zip(costs[serving], costs[plan], requests, strict=True)),
        )
        for plan in known
    ]
    return tuple(sorted(weighed, key=lambda it: (-it.saving, it.plan)))


def objection(situation: Situation, alternative: Alternative) -> Reason | None:
    """The first thing that stands against switching to `alternative` now; None where nothing does."""
    rules, state = situation.rules, situation.state
    if alternative.saving <= 0:
        return Reason.ALREADY_BEST
    if not _is_large_enough(alternative, rules):
        return Reason.SAVING_TOO_SMALL
    if _rests(situation, alternative):
        return Reason.FAILED_BEFORE
    is_cooling = state.is_cooling(rules, situation.now, is_urgent=alternative.is_urgent)
    if is_cooling and not alternative.is_pressing:
        return Reason.COOLING_DOWN
    if len(state.moves_lately(situation.now)) >= _budget(situation, alternative):
        return Reason.BUDGET_SPENT
    if alternative.loss_seconds <= alternative.needed_seconds:
        return Reason.LOSS_TOO_SMALL
    return None


def _rests(situation: Situation, alternative: Alternative) -> bool:
    return any(
        failure.plan == alternative.plan.base
        and failure.blocks(alternative.saving, rules=situation.rules, now=situation.now)
        for failure in situation.state.failures
    )


def _budget(situation: Situation, alternative: Alternative) -> int:
    """The changes within an hour that leave room for this one.

    The last is kept for the way out of a plan that was left at the greater loss before.
    """
    state, now = situation.state, situation.now
    is_risky = state.burden_seconds(alternative.plan, now) > state.burden_seconds(state.plan, now)
    return max(1, situation.rules.switches_per_hour - is_risky)


def _is_large_enough(alternative: Alternative, rules: Rules) -> bool:
    least = rules.min_saving_percent / 100
    has_lasted = alternative.loss_seconds >= LASTING_LOSS * alternative.needed_seconds
    surely = least / 2 if has_lasted else least
    return alternative.saving > least and alternative.lowest_saving > surely


def is_anything_lost(situation: Situation) -> bool:
    """Whether so much was lost by not having some plan as a switch to it needs; cheaply told."""
    losses = situation.state.losses
    return any(
        losses.get(plan.base, 0) / 1e6 > situation.needed_seconds[plan]
        for plan in situation.known_alternatives
    )


def _weighed(situation: Situation, plan: Plan, slices: Sequence[Numbers]) -> Alternative:
    least = situation.rules.min_requests
    saving = evidence.assess(slices, min_requests=least)
    speedup = 1 / (1 - saving.share) if saving.share < 1 else 1.0
    is_urgent = speedup >= URGENT_SPEEDUP
    return Alternative(
        plan=plan,
        saving=saving.share,
        lowest_saving=saving.lowest,
        first_slice=saving.first,
        speedup=speedup,
        loss_seconds=situation.state.losses.get(plan.base, 0) / 1e6,
        needed_seconds=situation.needed_seconds[plan],
        certain_loss_seconds=evidence.certain_loss(slices, min_requests=least) if is_urgent else 0.0,
    )
