"""The metrics of several workers as those of one server.

Everything is added up but what all of them have alike: which strategy serves, and what plans cost.
"""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_ALIKE = frozenset(
    {"batchwright_strategy", "batchwright_plan_work_seconds", "batchwright_plan_span_seconds"}
)
_OF_THE_SERVER = frozenset({"batchwright_config_info", "batchwright_config_reloads"})  # not the workers'
_ADDED_FOR_EVER = frozenset({"counter", "histogram"})

_Labels = tuple[tuple[str, str], ...]
Values = dict[tuple[str, _Labels], float]  # by name and labels


class Families:
    """Metrics that were added up, with what is said of each."""

    def __init__(self) -> None:
        self.described: dict[str, tuple[str, str]] = {}  # documentation and type
        self.values: dict[str, Values] = {}

    def add(self, text: str) -> None:
        """Add the metrics of a worker that lives."""
        self._add(text_string_to_metric_families(text))

    def add_past(self, text: str) -> None:
        """Add what a worker counted that is gone; what it had is gone with it."""
        families = text_string_to_metric_families(text)
        self._add(family for family in families if family.type in _ADDED_FOR_EVER)

    def merge(self, others: "Families") -> None:
        """Add what was added up elsewhere."""
        self.described = others.described | self.described
        for name, values in others.values.items():
            _add_values(self.values.setdefault(name, {}), values, is_alike=name in _ALIKE)

    def collect(self) -> Iterator[Metric]:
        """Each family with its sums."""
        for name, (text, kind) in self.described.items():
            metric = Metric(name, text, kind)
            for (sample, labels), value in self.values[name].items():
                metric.add_sample(sample, dict(labels), value)
            yield metric

    def _add(self, families: Iterable[Metric]) -> None:
        for family in families:
            if family.name in _OF_THE_SERVER:
                continue
            self.described.setdefault(family.name, (family.documentation, family.type))
            values = {
                (sample.name, tuple(sample.labels.items())): sample.value for sample in family.samples
            }
            known = self.values.setdefault(family.name, {})
            _add_values(known, values, is_alike=family.name in _ALIKE)


class _Collected(Collector):
    def __init__(self, families: Families, own: Iterable[Metric]) -> None:
        self._families = families
        self._own = tuple(own)

    def collect(self) -> Iterator[Metric]:
        yield from self._families.collect()
        yield from self._own


def render(families: Families, own: Iterable[Metric]) -> bytes:
    """The sums, and the server's own metrics, in the Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(_Collected(families, own))
    return generate_latest(registry)


def worker_metrics(*, ready: int, restarts: int) -> Iterator[Metric]:
    """What is said of the workers themselves."""
    yield GaugeMetricFamily("batchwright_workers_ready", "Workers that take requests.", ready)
    text = "Workers started in place of others that ended."
    yield CounterMetricFamily("batchwright_worker_restarts", text, restarts)


def _add_values(known: Values, values: Mapping[tuple[str, _Labels], float], *, is_alike: bool) -> None:
    for key, value in values.items():
        known[key] = value if is_alike else known.get(key, 0.0) + value
