"""The events that decisions are worth: transitions only."""

from collections.abc import Iterable, Iterator, Mapping

from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.reconcile.outcome import Event, EventType

_REASONS = {
    Action.TRY: "CanaryStarted",
    Action.SWITCH: "StrategySwitched",
    Action.RETURN: "StrategyReturned",
}


def decision_events(
    tuned: Iterable[Tuned], previous: Mapping[str, Decision], *, now: float
) -> Iterator[Event]:
    """An event for each try, switch and return, and one when advice that is not acted on begins."""
    for item in tuned:
        decision = item.decision
        if decision is None:
            continue
        if decision.action in _REASONS:
            yield _event(item, decision, _REASONS[decision.action], now)
        elif _is_new_advice(decision, previous.get(item.model.name)):
            yield _event(item, decision, "SwitchAdvised", now)


def _is_new_advice(decision: Decision, previous: Decision | None) -> bool:
    if decision.reason is not Reason.OBSERVE_ONLY:
        return False
    return previous is None or previous.reason is not Reason.OBSERVE_ONLY


def _event(item: Tuned, decision: Decision, reason: str, now: float) -> Event:
    returned = decision.action is Action.RETURN
    is_move = not decision.pod  # what one pod tries moves no model
    return Event(
        at=now,
        type=EventType.WARNING if returned else EventType.NORMAL,
        reason=reason,
        message=decision.message,
        model=item.model.name,
        from_plan=str(decision.previous) if is_move else "",
        to_plan=str(decision.plan) if is_move else "",
    )
