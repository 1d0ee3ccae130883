"""With two pods or more, one tries the plan first, and all is decided by what it shows beside them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.policy.rules import Mode, Objective
from batchwright_operator.policy.state import ModelState
from batchwright_server.config.plan import Plan
from tests.unit.operator.policy.samples import (
    DEMULTIPLEX,
    NOON,
    RELOAD,
    RULES,
    Desk,
    Pod,
    mixed_on_reload,
)

Serving = Callable[[Pod], Pod]
WINDOW = RULES.window_seconds


class Pods:
    """Some pods under a policy, each taking at once what is wanted of it."""

    def __init__(self, count: int = 3, **desk: object) -> None:
        self.desk = Desk(**desk)  # type: ignore[arg-type]  # by keyword, as a Desk takes them
        self.pods = [Pod(name=f"pod-{it}", process=f"process-{it}") for it in range(count)]

    @property
    def state(self) -> ModelState:
        """The policy's."""
        return self.desk.state

    @property
    def plans(self) -> list[Plan | None]:
        """What the pods serve with."""
        return [pod.plan for pod in self.pods]

    def wanted(self, pod: Pod) -> Plan:
        """What a pod is to serve with."""
        canary = self.state.canary
        return canary.plan if canary is not None and canary.pod == pod.name else self.state.plan

    def tick(self, serving: Serving, *, obey: bool = True) -> Decision:
        """Three seconds of traffic, a decision, and pods that follow it."""
        self.pods = [serving(pod) for pod in self.pods]
        decision = self.desk.tick(*self.pods)
        if obey:
            self.pods = [replace(pod, plan=self.wanted(pod)) for pod in self.pods]
        return decision

    def until(self, serving: Serving, *actions: Action, ticks: int = 200) -> Decision:
        """The first decision with one of these actions."""
        for _ in range(ticks):
            decision = self.tick(serving)
            if decision.action in actions:
                return decision
        raise AssertionError(f"none of {actions} within {ticks} decisions: {self.desk.reasons}")

    def tried(self) -> str:
        """The pod that tries a plan."""
        self.until(mixed_on_reload, Action.TRY)
        assert self.state.canary is not None
        return self.state.canary.pod


def dear_on(plan: Plan, cpu: float) -> Serving:
    """Mixed traffic, the same at every pod, that takes so much of the processors under `plan`."""

    def serve(pod: Pod) -> Pod:
        spent = cpu if pod.plan == plan else 2.0
        return pod.after(3.0, {8: 4, 5: 4}, reloads=8 if pod.plan == RELOAD else 0, cpu=spent)

    return serve


def test_one_pod_first_and_then_the_rest() -> None:
    """One pod alone gets the plan; what it shows beside the others decides that all follow."""
    pods = Pods()
    name = pods.tried()
    assert pods.plans.count(DEMULTIPLEX) == 1
    assert pods.state.plan == RELOAD
    assert f"{name} tries Demultiplex" in pods.desk.last.message
    switch = pods.until(mixed_on_reload, Action.SWITCH, Action.RETURN)
    assert (switch.action, switch.reason) == (Action.SWITCH, Reason.PREDICTION_CONFIRMED)
    assert (switch.previous, switch.plan) == (RELOAD, DEMULTIPLEX)
    assert f"on {name} beside the others" in switch.message
    assert pods.plans == [DEMULTIPLEX] * 3
    pods.until(mixed_on_reload, Action.HOLD)
    for _ in range(40):
        pods.tick(mixed_on_reload)
    assert Reason.PREDICTION_CONFIRMED in pods.desk.reasons
    assert [move.action for move in pods.desk.moves] == [Action.TRY, Action.SWITCH]


def test_the_stage_is_over_within_a_window() -> None:
    """A window after the pod serves with the plan at most, whatever the requests."""
    for serving in (mixed_on_reload, lambda pod: pod.after(3.0, {}, concurrency=0.0, cpu=0.0)):
        pods = Pods()
        pods.tried()
        begun = pods.desk.now
        pods.until(serving, Action.SWITCH, Action.RETURN)
        assert pods.desk.now - begun <= WINDOW + 6.0


def test_a_pod_that_shows_a_wrong_prediction_goes_back_alone() -> None:
    """The others never leave their plan; it is told, remembered, and the costs are corrected."""
    pods = Pods()
    name = pods.tried()
    back = pods.until(dear_on(DEMULTIPLEX, 5.5), Action.SWITCH, Action.RETURN)
    assert (back.action, back.reason) == (Action.RETURN, Reason.PREDICTION_WRONG)
    assert (back.previous, back.plan, back.pod) == (DEMULTIPLEX, RELOAD, name)
    assert f"on {name} Demultiplex was predicted to give" in back.message
    assert pods.plans == [RELOAD] * 3
    assert pods.state.since == NOON
    assert pods.state.previous is None
    assert [failure.plan for failure in pods.state.failures] == [DEMULTIPLEX]
    assert pods.state.factors(pods.desk.now)[DEMULTIPLEX] > 1.5
    for _ in range(60):
        assert pods.tick(dear_on(DEMULTIPLEX, 5.5)).action is Action.HOLD


def test_a_pod_that_hardly_answers_goes_back() -> None:
    """Requests that do not come back show a bad plan, though there are too few to compare."""
    pods = Pods()
    pods.tried()

    def stuck(pod: Pod) -> Pod:
        return pod.after(3.0, {}, cpu=6.0) if pod.plan == DEMULTIPLEX else mixed_on_reload(pod)

    back = pods.until(stuck, Action.SWITCH, Action.RETURN)
    assert (back.action, back.reason) == (Action.RETURN, Reason.PREDICTION_WRONG)


def test_requests_that_tell_nothing_let_the_rest_follow() -> None:
    """Without traffic at the one pod the prediction stands, as it does with one pod."""
    pods = Pods()
    name = pods.tried()

    def elsewhere(pod: Pod) -> Pod:
        if pod.plan == DEMULTIPLEX:
            return pod.after(3.0, {}, concurrency=0.0, cpu=0.0)
        return mixed_on_reload(pod)

    switch = pods.until(elsewhere, Action.SWITCH, Action.RETURN)
    assert (switch.action, switch.reason) == (Action.SWITCH, Reason.CHEAPER_PLAN)
    assert f"which the requests at {name} could not show" in switch.message
    assert "measuredSpeedupPercent" not in switch.predicted


def test_latency_is_compared_by_the_time_in_the_server() -> None:
    """Where users ask for short answers, a pod that is slower goes back though its work is less."""
    pods = Pods(rules=replace(RULES, objective=Objective.LATENCY))
    pods.tried()

    def slower(pod: Pod) -> Pod:
        concurrency, cpu = (6.0, 1.0) if pod.plan == DEMULTIPLEX else (3.0, 2.0)
        reloads = 8 if pod.plan == RELOAD else 0
        return pod.after(3.0, {8: 4, 5: 4}, reloads=reloads, concurrency=concurrency, cpu=cpu)

    assert pods.until(slower, Action.SWITCH, Action.RETURN).reason is Reason.PREDICTION_WRONG


def test_one_pod_alone_switches_at_once() -> None:
    """With nothing to compare with, it is as ever."""
    pods = Pods(1)
    assert pods.until(mixed_on_reload, Action.TRY, Action.SWITCH).action is Action.SWITCH


def test_a_restart_of_the_operator_goes_on_with_the_same_pod() -> None:
    """No second trial is begun, and none is forgotten."""
    pods = Pods()
    name = pods.tried()
    for _ in range(6):
        pods.tick(mixed_on_reload)
    restored = ModelState.from_status(pods.state.to_status())
    assert restored is not None
    pods.desk.state = restored
    assert pods.tick(mixed_on_reload).reason is Reason.AWAITING_CANARY
    assert pods.state.canary is not None
    assert pods.state.canary.pod == name
    assert pods.until(mixed_on_reload, Action.SWITCH, Action.RETURN).action is Action.SWITCH
    assert [move.action for move in pods.desk.moves] == [Action.TRY, Action.SWITCH]


def test_another_pod_tries_when_the_first_is_gone() -> None:
    """Scaled away, it is waited for a while; then another takes its place, and the switch is made."""
    pods = Pods()
    name = pods.tried()
    pods.pods = [pod for pod in pods.pods if pod.name != name]
    other = pods.until(mixed_on_reload, Action.TRY, Action.SWITCH)
    assert (other.action, other.reason) == (Action.TRY, Reason.CANARY_LOST)
    assert other.pod != name
    assert pods.until(mixed_on_reload, Action.SWITCH, Action.RETURN).action is Action.SWITCH


def test_a_plan_that_ends_processes_is_given_up() -> None:
    """Each process that tries it dies: after three the plan rests, and it was never wanted."""
    pods = Pods()
    deaths = 0

    def deadly(pod: Pod) -> Pod:
        nonlocal deaths
        if pod.plan != DEMULTIPLEX:
            return mixed_on_reload(pod)
        deaths += 1
        return replace(Pod(name=pod.name, plan=RELOAD), process=f"{pod.process}'")

    end = pods.until(deadly, Action.RETURN)
    assert (end.reason, deaths) == (Reason.CANARY_LOST, 3)
    assert "3 pods were lost" in end.message
    assert [failure.plan for failure in pods.state.failures] == [DEMULTIPLEX]
    assert pods.plans == [RELOAD] * 3


def test_a_pod_that_never_takes_the_plan_ends_it() -> None:
    """A plan that does not come to serve on one pod is asked of no other."""
    pods = Pods()
    pods.tried()
    pods.pods = [replace(pod, plan=RELOAD) for pod in pods.pods]
    for _ in range(100):
        decision = pods.tick(mixed_on_reload, obey=False)
        if decision.action is Action.RETURN:
            break
    assert decision.reason is Reason.PLAN_REFUSED
    assert pods.state.canary is None


@pytest.mark.parametrize(
    "change",
    [
        {"mode": Mode.PAUSED},
        {"mode": Mode.OBSERVE},
        {"candidates": (RELOAD,)},
        {"candidates": (DEMULTIPLEX,)},
    ],
)
def test_what_the_user_wants_ends_a_trial_at_once(change: dict[str, object]) -> None:
    """Observe, Paused and other candidates leave no pod with a plan of its own, and blame nobody."""
    pods = Pods()
    pods.tried()
    pods.desk.rules = replace(RULES, **change)  # type: ignore[arg-type]  # fields of Rules
    pods.tick(mixed_on_reload)
    assert pods.state.canary is None
    assert len(set(pods.plans)) == 1
    assert pods.state.failures == ()


def test_down_to_one_pod_ends_a_trial() -> None:
    """There is nothing left to compare with: the policy decides anew, as for one pod."""
    pods = Pods(2)
    name = pods.tried()
    pods.pods = [pod for pod in pods.pods if pod.name == name]
    pods.tick(mixed_on_reload)
    assert pods.state.canary is None
    assert pods.until(mixed_on_reload, Action.SWITCH, Action.TRY).action is Action.SWITCH


LOADS = st.lists(st.tuples(st.integers(0, 20), st.floats(0.1, 6.0)), min_size=12, max_size=40)


@given(loads=LOADS, restarts=st.sets(st.integers(0, 39)))
@settings(max_examples=40, deadline=None)
def test_never_more_than_one_pod_before_the_verdict(
    loads: list[tuple[int, float]], restarts: set[int]
) -> None:
    """Whatever a pod shows: only one differs, the trial ends in time, and a failure is remembered."""
    pods = Pods()
    pods.tried()
    begun = pods.desk.now
    for number, (count, cpu) in enumerate(loads):

        def serving(pod: Pod, count: int = count, cpu: float = cpu) -> Pod:
            if pod.plan == RELOAD:
                return mixed_on_reload(pod)
            return pod.after(3.0, {8: count}, concurrency=count / 2, cpu=cpu)

        if number in restarts:
            restored = ModelState.from_status(pods.state.to_status())
            assert restored is not None
            pods.desk.state = restored
        decision = pods.tick(serving)
        if pods.state.canary is None:
            break
        assert pods.plans.count(DEMULTIPLEX) == 1
        assert pods.state.plan == RELOAD
        if not restarts:
            assert pods.desk.now - begun <= WINDOW + 6.0
    if decision.action is Action.RETURN:
        assert [failure.plan for failure in pods.state.failures] == [DEMULTIPLEX]
