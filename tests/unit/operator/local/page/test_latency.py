"""Percentiles from counts in ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.local.page.latency import BEYOND, percentiles, quantile

BOUNDS = [1_000, 2_500, 5_000, 10_000, 25_000, 50_000, BEYOND]


def test_no_requests_no_percentiles() -> None:
    """Nothing is made up where nothing was counted."""
    assert percentiles({}) is None
    assert percentiles({1000: 0}) is None


def test_requests_are_spread_over_their_range() -> None:
    """Half of what took 5 to 10 ms took up to 7.5 ms."""
    assert quantile({5_000: 10, 10_000: 20}, 1 / 3) == pytest.approx(5_000)
    assert quantile({5_000: 10, 10_000: 20}, 2 / 3) == pytest.approx(7_500)


def test_what_took_longer_than_every_bound() -> None:
    """It is told as the last bound, 30 s, and not as nothing."""
    found = percentiles({BEYOND: 5})
    assert found is not None
    assert found.p50_ms == 30_000


@given(st.dictionaries(st.sampled_from(BOUNDS), st.integers(1, 100), min_size=1))
def test_percentiles_are_in_order(counts: dict[int, int]) -> None:
    """The median is never above the 99th percentile, and both are times."""
    found = percentiles(counts)
    assert found is not None
    assert 0 <= found.p50_ms <= found.p99_ms <= 30_000
