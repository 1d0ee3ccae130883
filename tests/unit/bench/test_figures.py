import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_bench.figures import comparison, histogram, intervals, outcomes
from batchwright_bench.figures.histogram import Histogram
from batchwright_bench.figures.outcomes import Outcome

DURATIONS = st.integers(0, 10**13)


@given(DURATIONS)
def test_a_bucket_is_narrow(value: int) -> None:
    """A duration lies in one bucket, which is no wider than a thousandth of it."""
    index = histogram.bucket_of(value)
    low, high = histogram.lowest_of(index), histogram.highest_of(index)

    assert low <= value <= high
    assert high - low <= value / 1000
    assert histogram.bucket_of(low) == histogram.bucket_of(high) == index
    assert histogram.bucket_of(high + 1) == index + 1


@given(st.lists(DURATIONS, min_size=1, max_size=300), st.floats(0, 100))
def test_percentiles_are_those_of_the_values(values: list[int], percent: float) -> None:
    """A percentile is that of the durations themselves to a thousandth, and within its interval."""
    found = Histogram.of(values)
    wanted = float(np.percentile(values, percent, method="inverted_cdf")) / 1e6

    assert found.percentile(percent) == pytest.approx(wanted, rel=1.1e-3)
    low, high = found.interval(percent)
    assert low <= found.percentile(percent) <= high
    assert found.mean == pytest.approx(float(np.mean(values)) / 1e6, rel=1e-3, abs=1e-6)


def test_the_interval_of_a_tail_holds_it_as_often_as_it_says() -> None:
    """Of runs of few requests or many, 95 in a hundred have the true 99 % in their interval."""
    random = np.random.default_rng(7)
    true = -math.log(0.01) * 100
    for count in (30, 300, 3000):
        held = 0
        for _ in range(400):
            milliseconds = random.exponential(100.0, count)
            low, high = Histogram.of(int(one * 1e6) for one in milliseconds).interval(99.0)
            held += low <= true <= high
        assert held >= 0.93 * 400, count


def test_few_requests_have_no_bound_for_the_tail() -> None:
    """What 50 requests did not show, nobody knows: no bound above, and no verdict on it."""
    quick, slow = (Histogram.of(range(base, base + 50)) for base in (10**6, 2 * 10**6))

    assert quick.interval(99.0)[1] == slow.interval(99.0)[1] == math.inf
    assert Histogram.of([7]).interval(50.0) == (0.0, math.inf)


@given(st.lists(DURATIONS, max_size=50), st.lists(DURATIONS, max_size=50))
def test_histograms_add_up(one: list[int], other: list[int]) -> None:
    """Those of two runs together are that of all durations."""
    both = Histogram.of(one) + Histogram.of(other)

    assert dict(both.counts) == dict(Histogram.of(one + other).counts)


def test_nothing_measured_is_no_number() -> None:
    """Without durations there is no percentile and no mean."""
    assert math.isnan(Histogram({}).percentile(50))
    assert math.isnan(Histogram({}).mean)


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    """Of a thousand samples of ten, 95 in a hundred have the true mean in their interval."""
    random = np.random.default_rng(5)
    held = 0
    for _ in range(1000):
        found = intervals.mean_of(list(random.normal(100.0, 10.0, 10)))
        held += found.low <= 100.0 <= found.high

    assert 930 <= held <= 970


def test_one_value_tells_nothing_of_its_spread() -> None:
    """The interval of a single value has no end, and so shows no difference."""
    assert intervals.mean_of([5.0]).high == math.inf


def _steady(
    milliseconds: float, size: int = 4, count: int = 1000, jitter: float = 0.02
) -> outcomes.Result:
    """One client who asks again as soon as it is answered."""
    random, now, found = np.random.default_rng(1), 0.0, []
    for _ in range(count):
        end = now + milliseconds / 1000 * random.uniform(1 - jitter, 1 + jitter)
        found.append(Outcome(now, now, end, size))
        now = end
    return outcomes.sum_up("a model", "one client", found)


def test_a_steady_run_is_summed_up() -> None:
    """A client who is answered in 10 ms has 400 samples a second by 4, and 10 ms latency."""
    found = _steady(10.0)

    assert found.samples == 4000
    assert found.samples_per_second.value == pytest.approx(400, rel=0.01)
    assert found.histogram.percentile(50) == pytest.approx(10, rel=0.01)
    assert sum(window.samples for window in found.windows) == found.samples
    assert found == outcomes.Result.model_validate_json(found.model_dump_json())


def test_a_pause_of_the_server_counts_for_all_who_would_have_asked() -> None:
    """In open loop a second without answers is in the latencies of all requests meant for it."""
    paused = [Outcome(number / 100, 1.0, 1.001, 1) for number in range(100)]
    smooth = [
        Outcome(1 + number / 100, 1 + number / 100, 1.001 + number / 100, 1) for number in range(100)
    ]
    found = outcomes.sum_up("a model", "100 a second", paused + smooth)

    assert found.histogram.percentile(50) == pytest.approx(1, abs=11)
    assert found.histogram.percentile(75) == pytest.approx(500, rel=0.05)
    assert found.histogram.percentile(99) == pytest.approx(980, rel=0.05)


def test_failures_and_warm_up_are_apart() -> None:
    """What failed is counted by its code and is in no latency; what warmed up is nowhere."""
    found = outcomes.sum_up(
        "a model",
        "some",
        [
            Outcome(0.0, 0.0, 9.0, 1, is_timed=False),
            Outcome(9.0, 9.0, 9.5, 2),
            Outcome(9.5, 9.5, 10.0, 2, "UNAVAILABLE"),
        ],
    )

    assert (found.requests, found.samples, found.failures) == (1, 2, {"UNAVAILABLE": 1})
    assert found.seconds == pytest.approx(1.0)
    assert list(found.latencies_by_batch_size) == [2]


def test_a_run_without_an_answer_is_a_result() -> None:
    """All failed, or nothing asked: zero samples a second, and no exception."""
    for those in ([], [Outcome(0.0, 0.0, 0.0, 1, "UNAVAILABLE")]):
        found = outcomes.sum_up("a model", "none", those)
        assert found.samples_per_second.value == 0
        assert list(comparison.compare(found, found))


@given(st.floats(0.2, 5.0))
def test_a_clear_difference_is_told_and_an_open_one_is_not(factor: float) -> None:
    """What differs by more than the runs' own spread has the right verdict; the same run has none."""
    first, second = _steady(10.0, count=700), _steady(10.0 * factor, count=700)
    verdicts = {row.name: row.verdict for row in comparison.compare(first, second)}
    same = {row.verdict for row in comparison.compare(first, first)}

    assert same == {comparison.Verdict.OPEN}
    if factor > 1.2:
        assert set(verdicts.values()) == {comparison.Verdict.WORSE}
    if factor < 0.8:
        assert set(verdicts.values()) == {comparison.Verdict.BETTER}


def test_runs_without_any_spread_are_the_same() -> None:
    """Where every latency is the same in both runs, nothing is better and nothing worse."""
    even = _steady(10.0, jitter=0.0, count=100)

    assert {row.verdict for row in comparison.compare(even, even)} == {comparison.Verdict.OPEN}
