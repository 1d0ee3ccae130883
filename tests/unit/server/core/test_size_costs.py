import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core.cover import Cover
from batchwright_server.core.size_costs import SizeCosts


@given(
    fixed=st.floats(0, 10),
    per_sample=st.floats(0.001, 10),
    sizes=st.sets(st.integers(1, 64), min_size=2),
    size=st.integers(1, 100),
)
def test_costs_on_a_line_are_known_everywhere(
    fixed: float, per_sample: float, sizes: set[int], size: int
) -> None:
    """Two sizes of a model with a fixed and a growing part tell all the others."""
    costs = SizeCosts()
    for known in sizes:
        costs.observe(known, fixed + per_sample * known)

    assert costs.estimate(size) == pytest.approx(fixed + per_sample * size)


def test_nothing_known_is_no_cost() -> None:
    """Without a figure nothing is claimed; with one, half of it is taken for the samples'."""
    costs = SizeCosts()
    assert costs.estimate(4) == 0
    costs.observe(8, 0.4)
    assert costs.estimate(4) == pytest.approx(0.3)


def test_a_slow_inference_among_fast_ones_says_little() -> None:
    """What runs beside an inference can only add to it; what lasts is learnt in the end."""
    costs = SizeCosts()
    for seconds in (1.0, 9.0):
        costs.observe(1, seconds)
    assert costs.estimate(1) < 1.5
    costs.observe(1, 1.0)
    assert costs.estimate(1) == 1.0
    for _ in range(200):
        costs.observe(1, 3.0)
    assert costs.estimate(1) == pytest.approx(3.0, rel=0.01)


def test_pieces_cost_more_than_the_size_itself() -> None:
    """The extra is what the fixed part of each inference and the padding come to."""
    costs = SizeCosts()
    for size in (1, 8):
        costs.observe(size, 2.0 + size)

    assert costs.surcharge(Cover([1]), 4) == pytest.approx(4 * 3 - 6)
    assert costs.surcharge(Cover([8]), 6) == pytest.approx(10 - 8)
    assert costs.surcharge(Cover([8]), 8) == 0
