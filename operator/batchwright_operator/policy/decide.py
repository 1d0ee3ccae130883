"""The policy: a pure function of the rules, what is remembered, what pods say, and the time."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from batchwright_operator.policy import choice, figures, sentences, situation, steps, trial
from batchwright_operator.policy.answer import Answer
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.policy.readings import Scrape
from batchwright_operator.policy.rules import Mode, Rules
from batchwright_operator.policy.situation import Situation
from batchwright_operator.policy.state import ModelState

__all__ = ["Scrape", "decide"]

Question = Callable[[Situation], Answer | None]

FIRST_QUESTIONS = (trial.tried, steps.fallen_back, steps.unreachable, steps.unsettled)
QUESTIONS = (steps.unchecked, steps.only_plan, steps.too_little, steps.unknown)


def decide(rules: Rules, state: ModelState, scrape: Scrape, now: float) -> tuple[ModelState, Decision]:
    """The state from now on, and the decision for one model.

    To be called every few seconds, at any pace; `now` is in unix seconds and may go back. Neither the
    order of the readings matters nor that some come twice.
    """
    sight = situation.look(rules, state.not_after(now), scrape, now)
    answer = _answer(sight)
    trying = answer.ended or answer.state.canary
    return answer.state, Decision(
        action=answer.action,
        reason=answer.reason,
        message=sentences.message(answer.state, answer.clause, now),
        plan=answer.state.plan,
        previous=answer.ended.plan if answer.ended else state.plan,
        observed=figures.observed(sight),
        predicted=answer.predicted,
        pod=trying.pod if trying else "",
    )


def _answer(sight: Situation) -> Answer:
    if sight.rules.mode is Mode.PAUSED:
        still = replace(sight.state, canary=None)
        return Answer(still, Reason.PAUSED, "switching is paused")
    if not sight.rules.allows(sight.state.plan):
        return _overridden(sight)
    weighed = choice.accumulate(trial.without_idle_trial(sight))
    weigh = choice.Weighing(weighed)
    return (
        _first(FIRST_QUESTIONS, weighed)
        or steps.pressing(weighed, weigh.alternatives)
        or _first(QUESTIONS, weighed)
        or steps.chosen(weighed, weigh.alternatives())
    )


def _first(questions: Iterable[Question], sight: Situation) -> Answer | None:
    return next((answer for question in questions if (answer := question(sight))), None)


def _overridden(sight: Situation) -> Answer:
    """The same plan with sizes that are allowed, else the user's first candidate: at once.

    In Observe too: this obeys the rules, not the traffic.
    """
    rules, state = sight.rules, sight.state
    plan = rules.candidate_like(state.plan) or rules.candidates[0]
    because = f"{sentences.plan_name(state.plan)} is not among the candidates"
    fresh = replace(
        ModelState.initial(plan, sight.now),
        because=because,
        failures=state.failures,
        corrections=state.corrections,
        moves=state.moves,
        burdens=state.burdens,
    )
    return Answer(fresh, Reason.PLAN_NOT_ALLOWED, action=Action.SWITCH)
