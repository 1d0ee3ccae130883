"""The questions that a decision asks; each gives an answer, or None to ask the next."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from batchwright_operator.policy import (
    check,
    choice,
    evidence,
    figures,
    memory,
    sentences,
    trial,
    verdicts,
)
from batchwright_operator.policy.answer import Answer
from batchwright_operator.policy.choice import Alternative
from batchwright_operator.policy.decision import Action, Reason
from batchwright_operator.policy.rules import Mode
from batchwright_operator.policy.situation import Situation

# A window half full shows the mix; a whole one would only double the wait after every switch.
FULL_ENOUGH = 0.5


def unreachable(situation: Situation) -> Answer | None:
    """An answer where too few pods give fresh numbers."""
    if situation.has_quorum:
        return None
    pods = f"{situation.fresh_pods} of {situation.expected_pods} pods give fresh numbers"
    return Answer(situation.state, Reason.METRICS_UNREACHABLE, f"{pods}, more than half are needed")


def fallen_back(situation: Situation) -> Answer | None:
    """An answer where a pod cannot serve with the plan wanted, and says so: all go with what fits."""
    state, rules, now = situation.state, situation.rules, situation.now
    fallen = [it for _, it in sorted(situation.readings.items()) if it.has_fallen_back(state.plan)]
    if not fallen or rules.mode is Mode.OBSERVE:
        return None
    previous = state.check.previous if state.check else None
    instead = next((it for it in (previous, *(it.plan for it in fallen)) if rules.allows(it)), None)
    if instead is None:
        clause = f"{fallen[0].pod} cannot serve with it: {fallen[0].fallback}"
        return Answer(state, Reason.PODS_UNSETTLED, clause)
    why = f"{fallen[0].pod}: {fallen[0].fallback}"
    failures = memory.rule_out(state.failures, state.plan, why=why, rules=rules, now=now)
    unfit = replace(state, failures=failures)
    until = sentences.moment(failures[-1].until, now)
    because = f"{sentences.plan_name(state.plan)} rests until {until}; {why}"
    if instead == previous:
        back = unfit.gone_back(rules=rules, now=now, because=because)
        return Answer(back, Reason.PLAN_REFUSED, action=Action.RETURN)
    other = unfit.switched(instead, rules=rules, now=now, because=because)
    return Answer(other, Reason.PLAN_REFUSED, action=Action.SWITCH)


def unsettled(situation: Situation) -> Answer | None:
    """An answer where a pod serves with another plan; after too long a time, back to the last one."""
    if situation.is_settled:
        return None
    state, rules = situation.state, situation.rules
    pending = state.check if situation.now - state.since > rules.settle_seconds else None
    if pending and pending.settled_at is None and rules.allows(pending.previous):
        return verdicts.refused(situation, pending)
    serving = f"{situation.settled_pods} of {len(situation.readings)} pods serve with it so far"
    return Answer(state, Reason.PODS_UNSETTLED, serving)


def only_plan(situation: Situation) -> Answer | None:
    """An answer where there is nothing to choose from."""
    if situation.alternatives or situation.state.check:
        return None
    return Answer(situation.state, Reason.ALREADY_BEST, "no other plan is allowed")


def unchecked(situation: Situation) -> Answer | None:
    """An answer while the last switch is still to be judged, and when it is."""
    pending = situation.state.check
    if pending is None:
        return None
    if _has_enough(situation):
        return verdicts.judged(situation, pending)
    waited = situation.now - (pending.settled_at or situation.now)
    if waited > check.LONGEST_WAIT_WINDOWS * situation.rules.window_seconds:
        state = replace(situation.state, check=None)
        return Answer(state, Reason.TRAFFIC_CHANGED, "too little traffic came to measure it")
    return Answer(situation.state, Reason.AWAITING_CHECK, "not yet measured")


def pressing(situation: Situation, weigh: Callable[[], Sequence[Alternative]]) -> Answer | None:
    """An answer where so much was surely lost that waiting to know more would only cost more."""
    if not choice.is_anything_lost(situation):
        return None
    free = next(
        (it for it in weigh() if it.is_pressing and choice.objection(situation, it) is None),
        None,
    )
    return None if free is None else _taken(situation, free)


def too_little(situation: Situation) -> Answer | None:
    """An answer where the window shows too little."""
    state, rules, count = situation.state, situation.rules, situation.total.request_count
    seconds = state.history.seconds
    if not _is_full(situation):
        clause = f"{seconds:.0f} s of a window of {rules.window_seconds} s are known"
        return Answer(state, Reason.COLLECTING_WINDOW, clause)
    if not count:
        return Answer(state, Reason.NO_TRAFFIC, f"no requests in {seconds:.0f} s")
    if count < rules.min_requests:
        clause = f"{count} requests in {seconds:.0f} s, {rules.min_requests} are needed"
        return Answer(state, Reason.TOO_FEW_REQUESTS, clause)
    return None


def unknown(situation: Situation) -> Answer | None:
    """An answer where costs are missing that every comparison needs."""
    state, predictor = situation.state, situation.predictor
    if situation.known_alternatives:
        return None
    plans = (state.plan, *situation.alternatives)
    missing = tuple(plan for plan in plans if not predictor.is_known(plan))
    clause = f"the costs of {sentences.plan_names(missing)} are not measured"
    return Answer(state, Reason.COSTS_UNKNOWN, clause)


def chosen(situation: Situation, weighed: Sequence[Alternative]) -> Answer:
    """The answer from the numbers: which plan is best, and whether it is time for it."""
    free = next((it for it in weighed if choice.objection(situation, it) is None), None)
    if free is None:
        return _kept(situation, weighed[0] if weighed else None)
    return _taken(situation, free)


def _taken(situation: Situation, free: Alternative) -> Answer:
    """The answer that has a plan serve against which nothing stands."""
    telling = situation.since(free.first_slice)
    because = sentences.grounds(telling, free)
    predicted = figures.predicted(situation, free)
    if situation.rules.mode is Mode.OBSERVE:
        clause = f"would switch to {sentences.plan_name(free.plan)}: {because}"
        return Answer(situation.state, Reason.OBSERVE_ONLY, clause, predicted=predicted)
    pending = check.open_check(telling, free)
    first = trial.begin(situation, free.plan, pending, because)
    if first is not None:
        return replace(first, predicted=predicted)
    state = situation.state.switched(
        free.plan,
        rules=situation.rules,
        now=situation.now,
        because=because,
        check=pending,
    )
    return Answer(state, Reason.CHEAPER_PLAN, action=Action.SWITCH, predicted=predicted)


def _is_full(situation: Situation) -> bool:
    history, rules = situation.state.history, situation.rules
    is_long = history.seconds >= FULL_ENOUGH * rules.window_seconds
    return is_long and len(history.slices) >= evidence.FEWEST_SLICES


def _has_enough(situation: Situation) -> bool:
    return _is_full(situation) and situation.total.request_count >= situation.rules.min_requests


def _kept(situation: Situation, best: Alternative | None) -> Answer:
    state = situation.state
    predicted = figures.predicted(situation, best)
    reason = choice.objection(situation, best) if best else Reason.ALREADY_BEST
    if best is None or reason is None or reason is Reason.ALREADY_BEST:
        clause = "" if state.because else "no other plan is predicted to be better"
        return Answer(state, Reason.ALREADY_BEST, clause, predicted=predicted)
    clause = f"{sentences.plan_name(best.plan)} is predicted to give {sentences.gain(situation, best)}"
    return Answer(state, reason, f"{clause}, {_objection(situation, best, reason)}", predicted=predicted)


def _objection(situation: Situation, best: Alternative, reason: Reason) -> str:
    state, rules, now = situation.state, situation.rules, situation.now
    if reason is Reason.SAVING_TOO_SMALL:
        return f"which is not surely more than the {rules.min_saving_percent} % asked for"
    if reason is Reason.FAILED_BEFORE:
        until, why = next((it.until, it.why) for it in state.failures if it.plan == best.plan.base)
        if why:
            return f"but cannot be had ({why}) and rests until {sentences.moment(until, now)}"
        return f"but was wrong before and rests until {sentences.moment(until, now)}"
    if reason is Reason.COOLING_DOWN:
        until = state.since + state.cooldown_seconds(rules)
        return f"but the last switch cools down until {sentences.moment(until, now)}"
    if reason is Reason.BUDGET_SPENT:
        return f"but the plan changed {len(state.moves_lately(now))} times within an hour"
    lost, needed = 1000 * best.loss_seconds, 1000 * best.needed_seconds
    return f"but {lost:.0f} ms lost so far do not yet pay for a switch, {needed:.0f} ms would"
