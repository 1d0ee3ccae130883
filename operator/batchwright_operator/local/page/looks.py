"""Looks at an object's pods, kept for as long as the page draws them."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping

from batchwright_operator.local.page.latency import Latency, percentiles
from batchwright_operator.local.rates import Rates, rates_between
from batchwright_operator.reconcile.observed import Reports
from batchwright_server.config.signals import ModelCounters, ModelSignals, Signals

RATE_SECONDS = 10.0  # figures that change from moment to moment
SHARE_SECONDS = 60.0  # what needs more requests to mean something

Look = tuple[float, Reports]
Change = tuple[ModelCounters, ModelCounters]


class Looks:
    """The looks of the last minute; figures are of the time between two of them."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()

    def add(self, at: float, reports: Reports) -> None:
        """One more, at Unix time `at`."""
        self._looks.append((at, reports))
        while len(self._looks) > 2 and self._looks[1][0] <= at - SHARE_SECONDS:
            self._looks.popleft()

    def rates(self, model: str) -> Rates:
        """What it does now."""
        earlier, later = self._ends(model, RATE_SECONDS)
        return rates_between(model, earlier, later)

    def sizes(self, model: str) -> Mapping[int, int]:
        """Requests of the last minute by batch size."""
        counted: Counter[int] = Counter()
        for old, new in self._changes(model):
            grown = {size: new.requests[size] - old.requests.get(size, 0) for size in new.requests}
            counted.update({size: count for size, count in grown.items() if count > 0})
        return dict(sorted(counted.items()))

    def latency(self, model: str) -> Latency | None:
        """How long requests of the last minute took; None without any."""
        counted: Counter[int] = Counter()
        for old, new in self._changes(model):
            counted.update({key: new.answered[key] - old.answered.get(key, 0) for key in new.answered})
        return percentiles(counted)

    def failures(self, model: str) -> int:
        """Requests of the last minute that failed."""
        return sum(new.failed_requests - old.failed_requests for old, new in self._changes(model))

    def padding_percent(self, model: str) -> float:
        """Of the samples inferred in the last minute, those that only filled up a compiled size."""
        changes = tuple(self._changes(model))
        padded = sum(new.padding_samples - old.padding_samples for old, new in changes)
        inferred = sum(new.executed_samples - old.executed_samples for old, new in changes)
        return 100 * padded / inferred if inferred else 0.0

    def _changes(self, model: str) -> Iterator[Change]:
        """Counters of each pod before and after."""
        earlier, later = self._ends(model, SHARE_SECONDS)
        for pod, report in later.items():
            old, new = find_model(earlier.get(pod), model), find_model(report, model)
            if old is not None and new is not None:
                yield old.counters, new.counters

    def _ends(self, model: str, seconds: float) -> tuple[Reports, Reports]:
        """What each pod said last, and first of the model within so many seconds by the same process."""
        last, later = self._looks[-1]
        within = [reports for at, reports in self._looks if at >= last - seconds]
        firsts = {
            pod: next(
                (reports[pod] for reports in within if _knows(reports.get(pod), report, model)), report
            )
            for pod, report in later.items()
        }
        return firsts, later


def find_model(report: object, name: str) -> ModelSignals | None:
    """The newest version of a model in what a pod said, if it said anything."""
    found = [item for item in report.models if item.name == name] if isinstance(report, Signals) else []
    return max(found, key=lambda item: item.version, default=None)


def _knows(old: object, new: object, model: str) -> bool:
    """Whether `old` is of the process that said `new`, and has the model."""
    is_same = isinstance(old, Signals) and isinstance(new, Signals) and old.process == new.process
    return is_same and find_model(old, model) is not None
