import pytest
from hypothesis import given
from hypothesis import strategies as st

from example_client.demo import chart


@given(st.floats(1e-6, 1e9))
def test_steps_are_round_and_large_enough(rough: float) -> None:
    """A step is never below what was asked for, nor more than two and a half times it."""
    step = chart.nice_step(rough)

    assert rough * (1 - 1e-6) <= step <= 2.5 * rough * (1 + 1e-6)


@given(st.floats(0.1, 1e6))
def test_nothing_is_drawn_outside(top: float) -> None:
    """The highest value stays below the upper end of the chart, which has a few grid lines."""
    frame = chart.Frame(100, 100, (0.0, 1.0), top)

    assert frame.y.end <= frame.y(top) <= frame.y.start
    assert 3 <= len(frame.y.ticks(5)) <= 12


@pytest.mark.parametrize(("value", "pixel"), [(0.0, 10.0), (5.0, 60.0), (10.0, 110.0)])
def test_scale(value: float, pixel: float) -> None:
    """Values map onto pixels in proportion."""
    assert chart.Scale(0.0, 10.0, 10.0, 110.0)(value) == pytest.approx(pixel)
