"""Plans that a pod cannot serve with: left at once, and not chosen again however good they look."""

from dataclasses import replace

from batchwright_operator.policy.decision import Action, Reason
from batchwright_operator.policy.rules import Mode
from tests.unit.operator.policy.samples import (
    DEMULTIPLEX,
    DEMULTIPLEX_PLAN,
    RELOAD,
    RELOAD_PLAN,
    RULES,
    Desk,
    Pod,
    mixed_on_reload,
    scaled,
    steady,
)
from tests.unit.operator.policy.test_trial import Pods

KILLED = "killed for want of memory while {} was being built; the last that fitted serves"


def fallen(pod: Pod) -> Pod:
    """The pod once it was killed over what it had been told, and came back with the other plan."""
    wanted, other = (RELOAD, DEMULTIPLEX) if pod.plan == RELOAD else (DEMULTIPLEX, RELOAD)
    return replace(pod, plan=other, process="process-1", fallback=KILLED.format(wanted))


def test_what_does_not_fit_is_left_at_once_and_the_status_says_why() -> None:
    """No three minutes of waiting for a pod that says it cannot."""
    desk = Desk()
    decision = desk.tick(fallen(Pod()))
    assert (decision.action, decision.reason) == (Action.SWITCH, Reason.PLAN_REFUSED)
    assert (desk.state.plan, decision.previous) == (DEMULTIPLEX, RELOAD)
    assert "Reload rests until" in decision.message
    assert "pod-0: killed for want of memory while reload/one was being built" in decision.message


def test_what_did_not_fit_is_not_chosen_again_however_much_it_would_save() -> None:
    """A tenth of the cost is no reason to be killed again, and the sentence says what is against it."""
    desk = Desk()
    pod = replace(fallen(Pod()), costs=(scaled(RELOAD_PLAN, 0.1), DEMULTIPLEX_PLAN))
    desk.serve(pod, 400, steady)
    assert [decision.plan for decision in desk.moves] == [DEMULTIPLEX]
    assert desk.last.reason is Reason.FAILED_BEFORE
    assert "cannot be had (pod-0: killed for want of memory" in desk.last.message
    desk.state = desk.state.forgiving()
    desk.serve(replace(pod, plan=DEMULTIPLEX, uptime=9e4), 100, steady)
    assert desk.state.plan == RELOAD


def test_a_pod_that_tries_and_falls_back_ends_the_trial() -> None:
    """The others never see the plan that one of them was killed by."""
    pods = Pods()
    name = pods.tried()
    pods.pods = [fallen(pod) if pod.name == name else pod for pod in pods.pods]
    pods.pods = [replace(pod, process=f"process-{pod.name}") for pod in pods.pods]
    assert pods.state.canary is not None
    canary = replace(pods.state.canary, process=f"process-{name}")
    pods.desk.state = replace(pods.state, canary=canary)
    decision = pods.tick(mixed_on_reload)
    assert (decision.action, decision.reason) == (Action.RETURN, Reason.PLAN_REFUSED)
    assert "while demultiplex/optimum was being built" in decision.message
    for _ in range(100):
        assert pods.tick(mixed_on_reload).action is Action.HOLD


def test_what_a_pod_said_of_another_plan_blames_none() -> None:
    """An old reason, which pods keep telling, is no reason against what is wanted now."""
    desk = Desk()
    old = replace(Pod(plan=DEMULTIPLEX), fallback=KILLED.format("dynamic/one"))
    assert desk.tick(old).reason is Reason.PODS_UNSETTLED
    assert desk.state.failures == ()


def test_observe_tells_and_changes_nothing() -> None:
    """Whoever only looks on is not switched, whatever pods say."""
    desk = Desk(rules=replace(RULES, mode=Mode.OBSERVE))
    assert desk.tick(fallen(Pod())).action is Action.HOLD
    assert desk.state.plan == RELOAD
