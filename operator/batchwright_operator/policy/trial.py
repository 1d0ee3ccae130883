"""One pod first: whether a trial begins, how it goes on, and what it shows.

The plan in place stays the plan wanted until the trial has ended: pods that start meanwhile serve with
it, and to go back only the one pod has to.
"""

from collections.abc import Iterator
from dataclasses import replace

from batchwright_operator.policy import comparison, figures, memory, sentences
from batchwright_operator.policy.answer import Answer
from batchwright_operator.policy.canary import Canary
from batchwright_operator.policy.check import Finding, Verdict
from batchwright_operator.policy.decision import Action, Reason
from batchwright_operator.policy.pending import PendingCheck
from batchwright_operator.policy.readings import Reading
from batchwright_operator.policy.rules import Mode, Rules
from batchwright_operator.policy.situation import WARM_UP_WINDOW_SHARE, Situation
from batchwright_operator.policy.state import ModelState
from batchwright_server.config.plan import Plan

FEWEST_PODS = 2
# A pod that gives no answer is given up after half a window, and not before so long: it may be busy.
LOST_WINDOWS, LOST_SECONDS = 0.5, 10.0
# One process after the other ended while it tried the plan: that is the plan's doing.
MOST_LOST = 3

KEPT_REASONS = {
    Verdict.CONFIRMED: Reason.PREDICTION_CONFIRMED,
    Verdict.MISSED: Reason.PREDICTION_MISSED,
    Verdict.INCOMPARABLE: Reason.CHEAPER_PLAN,
}


def without_idle_trial(situation: Situation) -> Situation:
    """The situation without a trial that the user's rules, or the number of pods, no longer allow."""
    canary, rules = situation.state.canary, situation.rules
    is_wanted = rules.mode is Mode.ENFORCE and situation.expected_pods >= FEWEST_PODS
    if canary is None or (is_wanted and rules.allows(canary.plan)):
        return situation
    return replace(situation, state=replace(situation.state, canary=None))


def begin(situation: Situation, plan: Plan, pending: PendingCheck, because: str) -> Answer | None:
    """The answer that has one pod try `plan`; None where there is nothing to compare it with."""
    first = _choose(situation)
    if first is None or situation.expected_pods < FEWEST_PODS:
        return None
    canary = Canary(
        plan=plan,
        pod=first.pod,
        process=first.process,
        since=int(situation.now),
        because=because,
        check=pending,
        seen_at=situation.now,
    )
    state = replace(situation.state, canary=canary)
    clause = f"{first.pod} tries {sentences.plan_name(canary.plan)}: {because}"
    return Answer(state, Reason.CHEAPER_PLAN, clause, action=Action.TRY)


def tried(situation: Situation) -> Answer | None:
    """An answer while a pod tries a plan, and when the trial has ended."""
    canary = situation.state.canary
    if canary is None:
        return None
    reading = situation.readings.get(canary.pod)
    is_restarted = reading is not None and reading.process != canary.process
    is_silent = reading is None and canary.seen_at is not None
    seen_at = min(canary.seen_at or 0.0, situation.now) if is_silent else situation.now
    canary = replace(canary, seen_at=seen_at)
    patience = max(LOST_SECONDS, LOST_WINDOWS * situation.rules.window_seconds)
    if is_restarted or situation.now - seen_at > patience:
        return _lost(situation, canary)
    if reading is None:
        return _held(situation, canary, f"{canary.pod} tries {_name(canary)} and gives no answer")
    if reading.has_fallen_back(canary.plan):
        return _unfit(situation, canary, reading)
    if reading.plan != canary.plan:
        if situation.now - canary.since > situation.rules.settle_seconds:
            seconds = f"{situation.now - canary.since:.0f} s"
            why = f"{canary.pod} did not serve {_name(canary)} after {seconds}"
            return _ended_badly(situation, why, Reason.PLAN_REFUSED)
        return _held(situation, canary, f"{canary.pod} is to try {_name(canary)}: {canary.because}")
    return _measured(situation, replace(canary, check=canary.check.settled(situation.now)), reading)


def give_up(state: ModelState, why: str, *, rules: Rules, now: float) -> ModelState:
    """The state once only the one pod goes back; its plan rests, and the try counts as a change."""
    canary = state.canary
    if canary is None:
        return state
    failures = memory.remember(
        state.failures,
        canary.plan,
        saving_permille=canary.check.saving_permille,
        rules=rules,
        now=now,
    )
    told = state.because_of(f"{why}, and it rests until {sentences.moment(failures[-1].until, now)}")
    moves = (*state.moves_lately(now), int(now))
    others = {
        plan: toll for plan, toll in state.tolls.items() if plan != canary.plan.base
    }  # promises broken
    return replace(told, canary=None, failures=failures, losses={}, tolls=others, moves=moves)


def _measured(situation: Situation, canary: Canary, reading: Reading) -> Answer:
    rules, now = situation.rules, situation.now
    clause = f"{canary.pod} tries {_name(canary)}: {canary.because}"
    settled_at = canary.check.settled_at
    if settled_at is not None and 0 <= now - settled_at < WARM_UP_WINDOW_SHARE * rules.window_seconds:
        return _held(situation, canary, clause)
    canary = replace(canary, trial=comparison.extend(situation, canary, reading))
    finding = comparison.find(situation, canary)
    if finding is None:
        return _held(situation, canary, clause)
    if finding.verdict is Verdict.WORSE:
        return _disproved(situation, canary, finding)
    return _followed(situation, canary, finding)


def _followed(situation: Situation, canary: Canary, finding: Finding) -> Answer:
    """The trial bore out what was predicted, or does not speak against it: all pods follow."""
    because = f"{canary.because}, {sentences.shown(finding, canary.pod)}"
    state = situation.state.switched(
        canary.plan,
        rules=situation.rules,
        now=situation.now,
        because=because,
        check=replace(canary.check, settled_at=None),
    )
    is_told = finding.verdict is not Verdict.INCOMPARABLE
    predicted = figures.found(finding) if is_told else {}
    reason = KEPT_REASONS[finding.verdict]
    return Answer(state, reason, action=Action.SWITCH, predicted=predicted)


def _disproved(situation: Situation, canary: Canary, finding: Finding) -> Answer:
    state, now = situation.state, situation.now
    ratio = finding.predicted / max(finding.measured, 1)
    corrections = memory.correct(state.corrections, canary.plan, ratio=ratio, now=now)
    learnt = replace(situation, state=replace(state, corrections=corrections))
    why = f"on {canary.pod} {sentences.disappointment(canary.plan, finding)}"
    answer = _ended_badly(learnt, why, Reason.PREDICTION_WRONG)
    return replace(answer, predicted=figures.found(finding))


def _unfit(situation: Situation, canary: Canary, reading: Reading) -> Answer:
    """The pod cannot serve with the plan: it is not tried again before long, whatever it promises."""
    state, rules, now = situation.state, situation.rules, situation.now
    why = f"{reading.pod}: {reading.fallback}"
    given_up = give_up(state, why, rules=rules, now=now)
    failures = memory.rule_out(state.failures, canary.plan, why=why, rules=rules, now=now)
    until = sentences.moment(failures[-1].until, now)
    told = given_up.because_of(f"{sentences.plan_name(canary.plan)} rests until {until}; {why}")
    back = replace(told, failures=failures)
    return Answer(back, Reason.PLAN_REFUSED, action=Action.RETURN, ended=state.canary)


def _ended_badly(situation: Situation, why: str, reason: Reason) -> Answer:
    state = situation.state
    back = give_up(state, why, rules=situation.rules, now=situation.now)
    return Answer(back, reason, action=Action.RETURN, ended=state.canary)


def _lost(situation: Situation, canary: Canary) -> Answer:
    """Another pod tries, if one is there; after several were lost the plan is given up."""
    if canary.lost + 1 >= MOST_LOST:
        why = f"{MOST_LOST} pods were lost while they tried {_name(canary)}"
        return _ended_badly(situation, why, Reason.CANARY_LOST)
    other = _choose(situation, but=canary.pod)
    if other is None:
        waited = situation.now - (canary.seen_at or situation.now)
        if waited > situation.rules.settle_seconds:
            why = f"{canary.pod} was lost while it tried {_name(canary)}, and no other came"
            return _ended_badly(situation, why, Reason.CANARY_LOST)
        return _held(situation, canary, f"{canary.pod} is gone, and no other can try {_name(canary)}")
    moved = canary.moved_to(other.pod, other.process, now=situation.now)
    clause = f"{canary.pod} was lost while it tried {_name(canary)}; {other.pod} tries it instead"
    return Answer(replace(situation.state, canary=moved), Reason.CANARY_LOST, clause, action=Action.TRY)


def _choose(situation: Situation, *, but: str = "") -> Reading | None:
    """The pod that shows soonest what a plan does: the one with most requests; None without others."""
    candidates = tuple(_settled(situation, but))
    if not candidates or len(situation.readings) < FEWEST_PODS:
        return None
    served = {pod: it.request_count for pod, it in situation.window.items()}
    return min(candidates, key=lambda it: (-served.get(it.pod, 0), it.pod))


def _settled(situation: Situation, but: str) -> Iterator[Reading]:
    seconds = situation.rules.window_seconds
    for pod, reading in situation.readings.items():
        is_fresh = situation.state.history.is_fresh(pod, window_seconds=seconds)
        if pod != but and is_fresh and reading.plan == situation.state.plan:
            yield reading


def _held(situation: Situation, canary: Canary, clause: str) -> Answer:
    state = replace(situation.state, canary=canary)
    predicted = figures.predicted(situation, None)
    return Answer(state, Reason.AWAITING_CANARY, clause, predicted=predicted)


def _name(canary: Canary) -> str:
    return sentences.plan_name(canary.plan)
