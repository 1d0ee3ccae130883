"""Figures a person wants to see, from two looks at the same pods."""

from collections.abc import Iterator
from dataclasses import dataclass

from batchwright_operator.reconcile.observed import Reports
from batchwright_server.config.signals import ModelCounters, Signals


@dataclass(frozen=True)
class Rates:
    """One model over all pods: per second, and the mean time of a request in milliseconds."""

    requests: float = 0.0
    samples: float = 0.0
    reloads_per_minute: float = 0.0
    mean_ms: float = 0.0


@dataclass(frozen=True)
class _Change:
    seconds: float
    requests: int
    samples: int
    reloads: int
    in_flight_seconds: float


def rates_between(model: str, earlier: Reports, later: Reports) -> Rates:
    """The rates of `model` between two looks; a pod whose process is a new one is left out."""
    changes = tuple(_changes(model, earlier, later))
    requests = sum(change.requests for change in changes)
    in_flight = sum(change.in_flight_seconds for change in changes)
    return Rates(
        requests=sum(change.requests / change.seconds for change in changes),
        samples=sum(change.samples / change.seconds for change in changes),
        reloads_per_minute=sum(60 * change.reloads / change.seconds for change in changes),
        mean_ms=1000 * in_flight / requests if requests else 0.0,
    )


def _changes(model: str, earlier: Reports, later: Reports) -> Iterator[_Change]:
    for pod, new in later.items():
        old = earlier.get(pod)
        if not isinstance(old, Signals) or not isinstance(new, Signals) or old.process != new.process:
            continue
        before, after, seconds = (
            _sum(model, old),
            _sum(model, new),
            new.uptime_seconds - old.uptime_seconds,
        )
        if before is not None and after is not None and seconds > 0:
            yield _Change(
                seconds=seconds,
                requests=_count(after) - _count(before),
                samples=after.samples - before.samples,
                reloads=after.reloads - before.reloads,
                in_flight_seconds=after.in_flight_seconds - before.in_flight_seconds,
            )


def _sum(model: str, report: Signals) -> ModelCounters | None:
    found = [item for item in report.models if item.name == model]
    return max(found, key=lambda item: item.version).counters if found else None


def _count(counters: ModelCounters) -> int:
    return sum(counters.requests.values())
