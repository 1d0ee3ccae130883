"""Rates between two looks."""

from batchwright_operator.local.rates import Rates, rates_between
from batchwright_operator.reconcile.observed import Report, Unreachable
from batchwright_server.config.signals import Signals
from tests.support.modelservers import make_counters, make_model_signals, make_signals


def _look(uptime: float, samples: int, *, process: str = "p1") -> Signals:
    counters = make_counters(samples, requests=samples // 2, reloads=samples // 10)
    return make_signals(make_model_signals(counters=counters), uptime_seconds=uptime, process=process)


def test_rates_over_pods() -> None:
    """Pods add up; each pod's own clock counts."""
    earlier = {"a": _look(10, 0), "b": _look(100, 50)}
    later = {"a": _look(20, 100), "b": _look(105, 150)}
    assert rates_between("resnet", earlier, later) == Rates(
        requests=15.0, samples=30.0, reloads_per_minute=180.0, mean_ms=10.0
    )


def test_what_cannot_be_compared() -> None:
    """A new process, a silent pod, an unknown model: no rate, and no negative one."""
    earlier = {"a": _look(10, 100), "b": _look(10, 100)}
    later: dict[str, Report] = {"a": _look(1, 5, process="p2"), "b": Unreachable("silent")}
    assert rates_between("resnet", earlier, later) == Rates()
    assert rates_between("other", earlier, earlier) == Rates()
