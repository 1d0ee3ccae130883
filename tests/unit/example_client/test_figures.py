import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from example_client import figures

HOW_TO = [21, 8, 104, 8, 19, 9, 7, 6, 6, 7]


def test_known_times_give_the_published_statistics() -> None:
    """The times of OVMS's own how-to give the statistics that are printed there."""
    text = figures.render(figures.observe(HOW_TO), 1)

    assert "average time: 19.50 ms; average speed: 51.28 fps" in text
    assert "median time: 8.00 ms; median speed: 125.00 fps" in text
    assert "time percentile 90: 29.30 ms" in text
    assert "time standard deviation: 28.63" in text
    assert "time variance: 819.45" in text


def test_a_time_below_a_millisecond_has_a_finite_speed() -> None:
    """Durations are not cut to whole milliseconds, so that no speed is infinite."""
    assert figures.speed(4, figures.observe([0.25]).smallest) == pytest.approx(16_000)


@given(st.lists(st.floats(0.001, 1e6), min_size=1))
def test_order_holds(milliseconds: list[float]) -> None:
    """Smallest, median, 90th percentile and largest are in this order, whatever was measured."""
    timing = figures.observe(milliseconds)

    slack = 1 + 1e-9
    assert timing.smallest <= timing.median * slack
    assert timing.median <= timing.percentile_90 * slack <= timing.largest * slack**2
    assert math.isfinite(timing.variance)
