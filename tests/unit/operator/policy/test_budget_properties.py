"""Promises on how often a model switches, and on what a restart or a second operator may do."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_operator.policy.decide import decide
from batchwright_operator.policy.decision import Action, Reason
from batchwright_operator.policy.readings import Scrape
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.state import HOUR_SECONDS, ModelState
from tests.unit.operator.policy.samples import DEMULTIPLEX, NOON, RELOAD, Desk, Pod

EAGER = Rules(
    candidates=(RELOAD, DEMULTIPLEX), window_seconds=12, cooldown_seconds=0, switches_per_hour=2
)
SPELLS = st.lists(st.tuples(st.booleans(), st.integers(4, 20)), min_size=2, max_size=10)


def _serve(pod: Pod, *, is_mixed: bool) -> Pod:
    """Three seconds of traffic that one of the two plans serves far worse."""
    if is_mixed:
        reloads = 16 if pod.plan == RELOAD else 0
        return pod.after(3.0, dict.fromkeys(range(1, 17), 2), reloads=reloads, would_reloads=16)
    return pod.after(3.0, {1: 60}, would_reloads=0, cpu=0.5)


@given(SPELLS)
@settings(max_examples=25)
def test_no_more_switches_within_an_hour_than_allowed(spells: list[tuple[bool, int]]) -> None:
    """However the traffic turns, whatever the cool-down: the budget of any hour is kept."""
    desk, pod = Desk(rules=EAGER), Pod()
    moments = []
    for is_mixed, ticks in spells:
        for _ in range(ticks):
            pod = _serve(pod, is_mixed=is_mixed)
            decision = desk.tick(pod)
            pod = replace(pod, plan=decision.plan)
            if decision.reason is Reason.CHEAPER_PLAN:
                moments.append(desk.now)
    for moment in moments:
        within = [it for it in moments if moment <= it < moment + HOUR_SECONDS]
        assert len(within) <= EAGER.switches_per_hour


@given(SPELLS, st.integers(0, 60))
@settings(max_examples=25)
def test_a_restart_of_the_operator_never_switches_by_itself(
    spells: list[tuple[bool, int]], at: int
) -> None:
    """With the state of the status the first decision holds, and all but the window is as before."""
    desk, pod, number = Desk(rules=EAGER), Pod(), 0
    for is_mixed, ticks in spells:
        for _ in range(ticks):
            pod = _serve(pod, is_mixed=is_mixed)
            if number == at:
                restored = ModelState.from_status(desk.state.to_status())
                assert restored == replace(desk.state, history=type(desk.state.history)())
                assert restored is not None
                desk.state = restored
                assert desk.tick(pod).action is Action.HOLD
            pod = replace(pod, plan=desk.tick(pod).plan)
            number += 1


@given(SPELLS)
@settings(max_examples=20)
def test_two_operators_that_see_the_same_decide_the_same(spells: list[tuple[bool, int]]) -> None:
    """A decision depends on nothing hidden, so the write that comes second changes nothing."""
    state, pod, now = ModelState.initial(RELOAD, NOON), Pod(), NOON
    for is_mixed, ticks in spells:
        for _ in range(ticks):
            pod, now = _serve(pod, is_mixed=is_mixed), now + 3.0
            scrape = Scrape((pod.reading(),), 1)
            first, second = decide(EAGER, state, scrape, now), decide(EAGER, state, scrape, now)
            assert first == second
            state = first[0]
            pod = replace(pod, plan=state.plan)


def test_going_back_to_a_plan_left_at_a_loss_has_to_be_earned() -> None:
    """What the last stay cost is asked for again, and half of it is forgotten in a day."""
    state = replace(ModelState.initial(RELOAD, NOON), tolls={DEMULTIPLEX: 30_000_000})
    left = state.switched(DEMULTIPLEX, rules=EAGER, now=NOON, because="")
    assert left.burden_seconds(RELOAD, NOON) == 30.0
    assert left.burden_seconds(DEMULTIPLEX, NOON) == 0.0
    assert left.burden_seconds(RELOAD, NOON + 86_400) == 15.0
    assert left.tolls == {}
