"""Leaving a plan before a window is full: when the loss is certain, and never under mere noise."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import evidence
from batchwright_operator.policy.decision import Reason
from batchwright_operator.policy.evidence import Compared
from tests.unit.operator.policy.samples import (
    DEMULTIPLEX,
    EVEN_PLAN,
    RELOAD,
    RELOAD_PLAN,
    RULES,
    Desk,
    Pod,
    mixed_on_reload,
    scaled,
    steady,
)

SLICES = st.lists(st.builds(Compared, st.floats(0, 9), st.floats(0, 9), st.integers(0, 50)), max_size=40)


def test_a_loss_that_has_paid_for_the_switch_is_not_waited_out() -> None:
    """A reload with every request is left after three slices, with twelve seconds of a minute known."""
    desk = Desk()
    desk.serve(Pod(), 4, mixed_on_reload)
    assert [move.plan for move in desk.moves] == [DEMULTIPLEX]
    assert desk.last.observed["windowSeconds"] == 9


def test_too_few_requests_are_no_evidence_however_dear_they_were() -> None:
    """Twenty-four requests with a reload each: more of them have to show it."""
    desk = Desk()
    desk.serve(Pod(), 9, lambda pod: pod.after(3, {3: 3}, reloads=3, cpu=1.0))
    assert desk.reasons == [Reason.COLLECTING_WINDOW]


def test_a_dear_switch_is_not_made_early() -> None:
    """What has been lost must exceed twice what the switch costs."""
    dear = replace(scaled(EVEN_PLAN, 1.0), prepare_seconds=20.0)
    desk = Desk()
    desk.serve(Pod(costs=(RELOAD_PLAN, dear)), 8, mixed_on_reload)
    assert desk.moves == []


def test_a_plan_that_is_a_little_better_waits_for_its_window() -> None:
    """A gain of a fifth may be a calibration that was disturbed; it gets half a window as ever."""
    desk = Desk()
    desk.serve(Pod(costs=(RELOAD_PLAN, scaled(EVEN_PLAN, 0.8))), 8, steady)
    assert desk.moves == []


def test_a_certain_loss_ends_a_check_and_a_cool_down() -> None:
    """Traffic that turns right after a switch is not suffered until the cool-down is over."""
    costs = (scaled(RELOAD_PLAN, 0.5), EVEN_PLAN)
    desk = Desk(plan=DEMULTIPLEX)
    calm = Pod(plan=DEMULTIPLEX, costs=costs)
    pod = desk.serve(calm, 6, lambda it: it.after(3, {8: 33}, would_reloads=0))
    assert desk.state.plan == RELOAD
    desk.serve(pod, 20, mixed_on_reload)
    assert [move.plan for move in desk.moves] == [RELOAD, DEMULTIPLEX]
    assert RULES.cooldown_seconds > 60


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_noise_is_no_certain_loss(spread: float) -> None:
    """Of eighteen thousand looks at two equal plans none sees a third to be saved, few see anything."""
    certain = large = 0
    for seed in range(60):
        dice = random.Random(seed)  # noqa: S311  noise, no secret
        slices: list[Compared] = []
        for _ in range(300):
            slices = [*slices, Compared(max(0.05, dice.gauss(1, spread)), 1.0, 20)][-30:]
            found = evidence.certain_loss(slices, min_requests=30)
            certain += found > 0
            large += found > 0 and evidence.assess(slices, min_requests=30).share >= 1 / 3
    assert large == 0
    assert certain < 100


@given(SLICES, st.integers(1, 100))
def test_a_certain_loss_is_never_above_the_loss(slices: list[Compared], least: int) -> None:
    """What is certain is at most what was lost since the turn, and never below nothing."""
    first = evidence.find_turn(slices)
    lost = sum(it.present - it.other for it in slices[first:] if it.present > 0)
    assert 0 <= evidence.certain_loss(slices, min_requests=least) <= max(0.0, lost) + 1e-9


@pytest.mark.parametrize("size", [1, 8])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_steady_traffic_moves_nothing_however_it_is_shaken(size: int, seed: int) -> None:
    """Two plans that cost the same, requests that come in gusts: no switch in fifty windows."""
    dice = random.Random(seed)  # noqa: S311  traffic, no secret
    desk = Desk()

    def gusts(pod: Pod) -> Pod:
        count = dice.randint(0, 260 // size)
        return pod.after(3.0, {size: count}, would_reloads=0, concurrency=dice.uniform(0, 6))

    desk.serve(Pod(costs=(RELOAD_PLAN, EVEN_PLAN)), 1000, gusts)
    assert desk.moves == []


def test_the_last_change_of_an_hour_is_kept_for_the_way_out() -> None:
    """A plan that was left at a loss is not gone back to when there is no change left to leave it."""
    rules = replace(RULES, switches_per_hour=2, cooldown_seconds=0)
    desk = Desk(rules=rules)
    costs = (scaled(RELOAD_PLAN, 0.3), EVEN_PLAN)
    pod = desk.serve(Pod(costs=costs), 8, mixed_on_reload)
    assert desk.state.plan == DEMULTIPLEX
    assert desk.state.burden_seconds(RELOAD, desk.now) > 0
    desk.serve(pod, 300, steady)
    assert len(desk.moves) == 1
    assert desk.last.reason is Reason.BUDGET_SPENT
