"""What follows from a judged switch: it stays, or the plan before it comes back."""

from dataclasses import replace

from batchwright_operator.policy import check, figures, memory, sentences
from batchwright_operator.policy.answer import Answer
from batchwright_operator.policy.check import Finding, Verdict
from batchwright_operator.policy.decision import Action, Reason
from batchwright_operator.policy.pending import Measured, PendingCheck
from batchwright_operator.policy.rules import Mode
from batchwright_operator.policy.situation import Situation

KEPT_REASONS = {
    Verdict.CONFIRMED: Reason.PREDICTION_CONFIRMED,
    Verdict.MISSED: Reason.PREDICTION_MISSED,
    Verdict.WORSE: Reason.PREDICTION_MISSED,  # with nowhere to go back to
    Verdict.INCOMPARABLE: Reason.TRAFFIC_CHANGED,
}


def judged(situation: Situation, pending: PendingCheck) -> Answer:
    """What follows from the window after a switch."""
    state, rules = situation.state, situation.rules
    finding = check.compare(
        pending,
        Measured.of(situation.total),
        plan=state.plan,
        min_saving_percent=rules.min_saving_percent,
    )
    if finding.verdict is Verdict.WORSE and rules.allows(pending.previous):
        return _returned(situation, pending, finding)
    told = replace(state, check=None, because=f"{state.because}, {sentences.outcome(finding)}")
    if finding.verdict is Verdict.CONFIRMED:
        told = replace(told, failures=tuple(it for it in told.failures if it.plan != state.plan.base))
    return Answer(told, KEPT_REASONS[finding.verdict], predicted=figures.found(finding))


def refused(situation: Situation, pending: PendingCheck) -> Answer:
    """What follows when pods do not take the plan they are to serve."""
    state, rules, now = situation.state, situation.rules, situation.now
    serving = f"{situation.settled_pods} of {len(situation.readings)} pods"
    failures = memory.remember(
        state.failures, state.plan, saving_permille=pending.saving_permille, rules=rules, now=now
    )
    because = (
        f"{serving} served {sentences.plan_name(state.plan)} after {now - state.since:.0f} s, "
        f"and it rests until {sentences.moment(failures[-1].until, now)}"
    )
    answer = Answer(replace(state, failures=failures), Reason.PLAN_REFUSED)
    return _back(situation, pending, answer=answer, because=because)


def _returned(situation: Situation, pending: PendingCheck, finding: Finding) -> Answer:
    state, rules, now = situation.state, situation.rules, situation.now
    failures = memory.remember(
        state.failures, state.plan, saving_permille=pending.saving_permille, rules=rules, now=now
    )
    ratio = finding.predicted / max(finding.measured, 1)
    corrections = memory.correct(state.corrections, state.plan, ratio=ratio, now=now)
    learnt = replace(state, failures=failures, corrections=corrections)
    because = sentences.disproof(state.plan, finding, until=failures[-1].until, now=now)
    answer = Answer(learnt, Reason.PREDICTION_WRONG, predicted=figures.found(finding))
    return _back(situation, pending, answer=answer, because=because)


def _back(situation: Situation, pending: PendingCheck, *, answer: Answer, because: str) -> Answer:
    """The way back with what was learnt, which Observe tells without going it."""
    if situation.rules.mode is Mode.OBSERVE:
        clause = f"would go back to {sentences.plan_name(pending.previous)}: {because}"
        return Answer(situation.state, Reason.OBSERVE_ONLY, clause, predicted=answer.predicted)
    back = answer.state.gone_back(rules=situation.rules, now=situation.now, because=because)
    return replace(answer, state=back, action=Action.RETURN)
