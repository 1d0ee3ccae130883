from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.runtime.histogram import Histogram
from batchwright_server.runtime.meters import ModelMeters, RequestLabels

LABELS = RequestLabels("tfs_grpc", "Predict", "OK")


def test_in_flight_seconds_is_the_integral_over_time() -> None:
    """Two requests that overlap for a second count for what each of them spent, also before they end."""
    now = 0.0
    meter = ModelMeters(lambda: now)
    meter.enter()
    now = 1.0
    meter.enter()
    now = 2.0

    assert meter.in_flight_seconds == 3.0
    meter.leave(LABELS, 2.0)
    now = 5.0
    assert meter.in_flight_seconds == 6.0


@given(values=st.lists(st.floats(0, 100), max_size=50))
def test_a_histogram_counts_each_value_in_the_first_bucket_that_holds_it(values: list[float]) -> None:
    """Bucket bounds are upper bounds, inclusive, as Prometheus has them."""
    histogram = Histogram((1.0, 10.0))
    for value in values:
        histogram.observe(value)

    expected = [
        sum(v <= 1 for v in values),
        sum(1 < v <= 10 for v in values),
        sum(v > 10 for v in values),
    ]
    assert histogram.counts == expected
