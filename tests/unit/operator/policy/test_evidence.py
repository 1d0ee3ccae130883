"""How sure a saving is, over a window and since a turn within it."""

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import evidence
from batchwright_operator.policy.evidence import Compared

CALM = Compared(present=1.0, other=1.1, requests=10)
MIXED = Compared(present=3.0, other=1.0, requests=10)
SLICES = st.lists(st.builds(Compared, st.floats(0, 9), st.floats(0, 9), st.integers(0, 50)), max_size=30)


def test_a_turn_is_seen_before_it_fills_the_window() -> None:
    """Six slices of another traffic tell what twenty older ones hide."""
    found = evidence.assess([CALM] * 20 + [MIXED] * 6, min_requests=30)
    assert found.first == 20
    assert found.lowest > 0.6


def test_a_turn_of_a_moment_is_none() -> None:
    """Four slices are not enough, nor are slices with too few requests."""
    assert evidence.assess([CALM] * 20 + [MIXED] * 4, min_requests=30).first == 0
    assert evidence.assess([CALM] * 20 + [MIXED] * 6, min_requests=100).first == 0


def test_too_few_slices_are_never_sure() -> None:
    """Two slices have no spread, so no saving is sure."""
    assert evidence.assess([MIXED] * 2, min_requests=1).lowest == float("-inf")


@given(SLICES)
def test_the_turn_is_where_the_loss_since_then_is_largest(slices: list[Compared]) -> None:
    """No other beginning has lost more up to now."""
    first = evidence.find_turn(slices)
    losses = [sum(it.present - it.other for it in slices[at:]) for at in range(len(slices))]
    assert not losses or max(0.0, *losses) <= max(0.0, losses[first]) + 1e-9


@given(SLICES, st.integers(1, 100))
def test_the_bound_is_never_above_the_saving(slices: list[Compared], least: int) -> None:
    """What is sure is at most what is likely."""
    found = evidence.assess(slices, min_requests=least)
    assert found.lowest <= found.share
