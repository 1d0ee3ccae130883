"""Figures of the last minute, from looks at pods."""

from collections.abc import Mapping

from batchwright_operator.local.page.looks import Looks
from batchwright_operator.reconcile.observed import Report, Unreachable
from batchwright_server.config.signals import ModelCounters, Signals
from tests.support.modelservers import make_counters, make_model_signals, make_signals


def _pod(uptime: float, process: str = "p1", **counted: object) -> Signals:
    counters = ModelCounters.model_validate({**make_counters().model_dump(), **counted})
    return make_signals(make_model_signals(counters=counters), uptime_seconds=uptime, process=process)


def _looks(*reports: Mapping[str, Report], every: float = 5.0) -> Looks:
    looks = Looks()
    for index, found in enumerate(reports):
        looks.add(index * every, found)
    return looks


def test_what_came_in_between_is_counted() -> None:
    """Sizes, times, failures and padding are of the time between the looks, over all pods."""
    before = _pod(10, requests={1: 5, 4: 5}, answered={1000: 10}, executed_samples=20)
    after = _pod(
        15,
        requests={1: 5, 4: 8, 16: 1},
        answered={1000: 10, 5000: 4},
        executed_samples=60,
        padding_samples=10,
        failed_requests=2,
    )
    looks = _looks({"a": before, "b": before}, {"a": after, "b": after})

    assert looks.sizes("resnet") == {4: 6, 16: 2}
    assert looks.failures("resnet") == 4
    assert looks.padding_percent("resnet") == 25.0
    latency = looks.latency("resnet")
    assert latency is not None
    assert latency.p99_ms > 4.9


def test_old_looks_are_left_behind() -> None:
    """After a minute a request counts no more."""
    looks = _looks(*({"a": _pod(10.0 + 5 * i, requests={1: min(i, 3)})} for i in range(20)))
    assert looks.sizes("resnet") == {}


def test_a_pod_that_was_started_anew() -> None:
    """Counters of two processes are never compared, and silence counts nothing."""
    looks = _looks(
        {"a": _pod(10, requests={1: 50})}, {"a": _pod(1, "p2", requests={1: 60}), "b": Unreachable("no")}
    )
    assert looks.sizes("resnet") == {}
    assert looks.latency("resnet") is None
    assert looks.padding_percent("resnet") == 0.0


def test_a_pod_counts_from_its_first_word() -> None:
    """What it counted since the model was loaded is seen, though earlier looks found nothing of it."""
    loading = make_signals(make_model_signals("other"), uptime_seconds=0.5)
    silent = Unreachable("starting")
    after = ({"a": _pod(1, requests={2: 1})}, {"a": _pod(6, requests={2: 4})})
    looks = _looks({"a": silent}, {"a": loading}, *after)
    assert looks.sizes("resnet") == {2: 3}
    assert looks.rates("resnet").requests == 0.6
