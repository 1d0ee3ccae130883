"""What checks have taught."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import memory
from batchwright_operator.policy.memory import CORRECTION_PERMILLE, Correction, Failure
from tests.unit.operator.policy.samples import DEMULTIPLEX, NOON, RELOAD, RULES

HOUR = 3600


def remembered(*times: float) -> tuple[Failure, ...]:
    """Demultiplex failed at each of these times; it had been predicted to save 20 %."""
    failures: tuple[Failure, ...] = ()
    for at in times:
        failures = memory.remember(failures, DEMULTIPLEX, saving_permille=200, rules=RULES, now=at)
    return failures


def test_a_failed_plan_rests_for_an_hour_then_two() -> None:
    """Tries become rare soon."""
    (once,) = remembered(NOON)
    assert once.until == NOON + HOUR
    (twice,) = remembered(NOON, NOON + HOUR + 1)
    assert twice.until == NOON + 3 * HOUR + 1


def test_a_failure_is_forgotten_after_as_long_a_quiet_time() -> None:
    """An old failure does not lengthen a new one."""
    (failure,) = remembered(NOON, NOON + 2 * HOUR + 1)
    assert failure.count == 1


def test_a_resting_plan_is_left_alone_unless_it_is_another_case() -> None:
    """A saving more than twice as large as the one that failed may be tried."""
    (failure,) = remembered(NOON)
    assert failure.blocks(0.2, rules=RULES, now=NOON + HOUR - 1)
    assert failure.blocks(0.39, rules=RULES, now=NOON + 1)
    assert not failure.blocks(0.4, rules=RULES, now=NOON + 1)
    assert not failure.blocks(0.2, rules=RULES, now=NOON + HOUR)


def test_a_clock_that_went_back_does_not_lengthen_a_rest() -> None:
    """A failure from the future blocks nothing."""
    (failure,) = remembered(NOON)
    assert not failure.blocks(0.2, rules=RULES, now=NOON - HOUR)


def test_another_plans_failures_stay() -> None:
    """Each plan has its own record."""
    failures = memory.remember(remembered(NOON), RELOAD, saving_permille=100, rules=RULES, now=NOON)
    assert [failure.plan for failure in failures] == [DEMULTIPLEX, RELOAD]


def test_corrections_multiply_and_fade() -> None:
    """Two checks teach more than one, and half of it is forgotten in a day."""
    corrections = memory.correct((), DEMULTIPLEX, ratio=1.5, now=NOON)
    (correction,) = memory.correct(corrections, DEMULTIPLEX, ratio=2.0, now=NOON)
    assert correction.factor(NOON) == 3.0
    assert correction.factor(NOON + 24 * HOUR) == 2.0
    assert correction.factor(NOON - HOUR) == 3.0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=5))
def test_corrections_stay_believable(ratios: list[float]) -> None:
    """No check, however strange, makes a plan free or forbidden for ever."""
    corrections: tuple[Correction, ...] = ()
    for ratio in ratios:
        corrections = memory.correct(corrections, RELOAD, ratio=ratio, now=NOON)
    least, most = CORRECTION_PERMILLE
    assert least / 1000 <= corrections[0].factor(NOON) <= most / 1000
    assert corrections[0].factor(NOON + 1e9) == pytest.approx(1.0)


def test_a_plan_left_soon_and_at_a_loss_bears_more_than_twice_as_much() -> None:
    """Stays that go wrong one after the other become rare; one that went well halves the burden."""
    once = memory.burden((), RELOAD, micros=10, is_soon=True, now=NOON)
    twice = memory.burden(once, RELOAD, micros=10, is_soon=True, now=NOON)
    later = memory.burden(twice, RELOAD, micros=0, is_soon=False, now=NOON)
    assert [it.micros for (it,) in (once, twice, later)] == [10, 30, 15]
