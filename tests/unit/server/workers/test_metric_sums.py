"""The metrics of several workers as those of one server."""

from prometheus_client.parser import text_string_to_metric_families

from batchwright_server.workers import metric_sums

WORKER = """\
# HELP batchwright_samples_total Samples.
# TYPE batchwright_samples_total counter
batchwright_samples_total{model="m",version="1"} 3.0
# HELP batchwright_in_flight Requests.
# TYPE batchwright_in_flight gauge
batchwright_in_flight{model="m",version="1"} 2.0
# HELP batchwright_strategy Strategy.
# TYPE batchwright_strategy gauge
batchwright_strategy{model="m",strategy="reload",version="1"} 1.0
# HELP batchwright_request_seconds Seconds.
# TYPE batchwright_request_seconds histogram
batchwright_request_seconds_bucket{le="0.1",model="m"} 1.0
batchwright_request_seconds_bucket{le="+Inf",model="m"} 3.0
batchwright_request_seconds_count{model="m"} 3.0
batchwright_request_seconds_sum{model="m"} 0.5
# HELP batchwright_config_info Document.
# TYPE batchwright_config_info gauge
batchwright_config_info{hash="a",rejected_hash=""} 1.0
# HELP batchwright_config_reloads_total Documents.
# TYPE batchwright_config_reloads_total counter
batchwright_config_reloads_total{result="applied"} 7.0
"""


def render(living: int, gone: int = 0) -> dict[str, float]:
    """The values of the sums by the names of samples, and of buckets."""
    past = metric_sums.Families()
    for _ in range(gone):
        past.add_past(WORKER)
    families = metric_sums.Families()
    for _ in range(living):
        families.add(WORKER)
    families.merge(past)
    text = metric_sums.render(families, ()).decode()
    return {
        sample.name + sample.labels.get("le", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_workers_counted_is_added_up() -> None:
    """Counters, every part of histograms, and gauges of what there is now."""
    found = render(living=2)

    assert found["batchwright_samples_total"] == 6
    assert found["batchwright_in_flight"] == 4
    assert found["batchwright_request_seconds_bucket0.1"] == 2
    assert found["batchwright_request_seconds_bucket+Inf"] == 6
    assert (found["batchwright_request_seconds_count"], found["batchwright_request_seconds_sum"]) == (
        6,
        1,
    )


def test_what_all_have_alike_is_not_added_up() -> None:
    """A strategy serves or does not, whatever the number of workers."""
    assert render(living=3)["batchwright_strategy"] == 1


def test_what_is_gone_still_counts_but_is_not_there() -> None:
    """Counters stay in the sums; requests in flight ended with their worker."""
    found = render(living=1, gone=2)

    assert found["batchwright_samples_total"] == 9
    assert found["batchwright_request_seconds_count"] == 9
    assert found["batchwright_in_flight"] == 2


def test_documents_are_counted_by_the_supervisor_alone() -> None:
    """What each worker was sent is no document that the server read."""
    assert not [name for name in render(living=2) if "config" in name]
