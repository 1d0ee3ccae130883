"""Differences of counters."""

from dataclasses import replace

from batchwright_operator.policy import traffic
from batchwright_server.config.plan import Strategy
from tests.unit.operator.policy.samples import Pod


def test_the_difference_of_two_readings_is_what_happened_between_them() -> None:
    """Counters become traffic by the process's own clock."""
    earlier = Pod().after(10, {1: 5, 8: 2}, reloads=3)
    later = earlier.after(4, {8: 6, 2: 1}, reloads=2, would_reloads=7, concurrency=3, cpu=5.0)
    change = traffic.between(earlier.reading(), later.reading())
    assert change is not None
    assert change.requests == {2: 1, 8: 6}
    assert (change.seconds, change.samples, change.request_count) == (4, 50, 7)
    assert (change.reloads, change.would_reloads, change.concurrency) == (2, 7, 3)
    assert (change.cpu_seconds, change.core_seconds) == (5.0, 8.0)


def test_a_counter_that_shrank_gives_nothing() -> None:
    """No traffic is made up from a counter that was reset."""
    earlier = Pod().after(10, {8: 20}, reloads=3).reading()
    counters = earlier.counters
    shrunk = [
        replace(counters, requests={8: 19}),
        replace(counters, reloads=2),
        replace(counters, samples=159),
        replace(counters, in_flight_seconds=1.0),
        replace(counters, failed_requests=-1),
    ]
    for after in shrunk:
        later = replace(earlier, uptime_seconds=earlier.uptime_seconds + 3, counters=after)
        assert traffic.between(earlier, later) is None, after


def test_another_process_gives_nothing() -> None:
    """A restarted pod's counters have nothing to do with the ones before."""
    earlier = Pod().reading()
    later = replace(Pod().after(3, {8: 3}).reading(), process="process-1")
    assert traffic.between(earlier, later) is None


def test_no_time_gives_nothing() -> None:
    """A document read twice is no traffic."""
    reading = Pod().after(3, {8: 3}).reading()
    assert traffic.between(reading, reading) is None


def test_concurrency_is_at_least_one() -> None:
    """An idle server still works on one request at a time when it works."""
    change = traffic.between(Pod().reading(), Pod().after(10, {1: 1}, concurrency=0.1).reading())
    assert change is not None
    assert change.concurrency == 1
    assert traffic.Traffic().concurrency == 1


def test_reloads_are_counted_where_reload_serves_and_shadowed_elsewhere() -> None:
    """Each strategy's reloads come from the counter that knows them."""
    change = traffic.Traffic(reloads=3, would_reloads=5)
    reload, demultiplex = Strategy.RELOAD, Strategy.DEMULTIPLEX
    assert change.reloads_under(strategy=reload, serving=reload) == 3
    assert change.reloads_under(strategy=reload, serving=demultiplex) == 5
    assert change.reloads_under(strategy=demultiplex, serving=reload) == 0


def test_sums_add_every_field() -> None:
    """Traffic of several pods is the sum of theirs."""
    one = traffic.between(Pod().reading(), Pod().after(3, {1: 2, 8: 1}, reloads=1).reading())
    assert one is not None
    both = traffic.total([one, one])
    assert both.requests == {1: 4, 8: 2}
    assert both.seconds == 6
    assert both.concurrency == one.concurrency
    assert both.samples_per_second == one.samples_per_second
