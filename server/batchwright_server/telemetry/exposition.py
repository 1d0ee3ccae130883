"""The Prometheus metrics, read from the runtime's meters at each scrape."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from batchwright_server.config.plan import Strategy
from batchwright_server.runtime.configuration import Configuration, ReloadResult
from batchwright_server.runtime.histogram import BATCH_SIZES, Histogram
from batchwright_server.runtime.pipelines.pipeline import Pipeline
from batchwright_server.runtime.registry import Registry
from batchwright_server.runtime.servable import Servable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_MODEL = ["model", "version"]

_Counted = TypeVar("_Counted", bound=Servable | Pipeline)


class MetricsCollector(Collector):
    """Gives every metric of every model; all names begin with `batchwright_`."""

    def __init__(self, registry: Registry, configuration: Configuration) -> None:
        self._registry = registry
        self._configuration = configuration

    def collect(self) -> Iterator[Metric]:
        servables = list(self._registry.servables)
        yield from _request_metrics([*servables, *self._registry.reachable_pipelines])
        yield from _execution_metrics(servables)
        yield from _reload_metrics(servables)
        yield from _plan_metrics(servables)
        yield from configuration_metrics(self._configuration)


class Exposition:
    """The text of `/metrics`."""

    def __init__(self, collector: MetricsCollector) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(collector)

    def render(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)


def configuration_metrics(configuration: Configuration) -> Iterator[Metric]:
    """The metrics of what became of documents, which belong to no model."""
    state = configuration.state
    served = InfoMetricFamily("batchwright_config", "The configuration document that serves.")
    served.add_metric([], {"hash": state.hash, "rejected_hash": state.rejected_hash})
    yield served
    reloads = CounterMetricFamily(
        "batchwright_config_reloads", "Configuration documents read.", labels=["result"]
    )
    for result in ReloadResult:
        reloads.add_metric([result.value], configuration.results[result])
    yield reloads


def _labels(servable: Servable | Pipeline) -> list[str]:
    return [servable.config.name, str(servable.version)]


def _counter(
    name: str, text: str, servables: Iterable[_Counted], values: Mapping[_Counted, float]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"batchwright_{name}", text, labels=_MODEL)
    for servable in servables:
        family.add_metric(_labels(servable), values[servable])
    return family


def _gauge(name: str, text: str, values: Mapping[_Counted, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"batchwright_{name}", text, labels=_MODEL)
    for servable, value in values.items():
        family.add_metric(_labels(servable), value)
    return family


def _histogram(name: str, text: str, values: Mapping[_Counted, Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"batchwright_{name}", text, labels=_MODEL)
    for servable, histogram in values.items():
        family.add_metric(_labels(servable), _buckets(histogram), histogram.total)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    cumulative = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip([*map(str, histogram.bounds), "+Inf"], histogram.counts, strict=True):
        cumulative += count
        buckets.append((bound, cumulative))
    return buckets


def _request_metrics(servables: list[Servable | Pipeline]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "batchwright_requests", "Requests answered.", labels=[*_MODEL, "protocol", "method", "code"]
    )
    seconds = HistogramMetricFamily(
        "batchwright_request_seconds", "From receipt to answer.", labels=[*_MODEL, "protocol", "method"]
    )
    for servable in servables:
        for labels, count in servable.meter.requests.items():
            requests.add_metric([*_labels(servable), *labels], count)
        for key, histogram in servable.meter.request_seconds.items():
            seconds.add_metric([*_labels(servable), *key], _buckets(histogram), histogram.total)
    yield requests
    yield seconds
    sizes = {servable: _size_histogram(servable) for servable in servables}
    yield _histogram("request_batch_size", "Samples in each successful request.", sizes)
    samples = {servable: float(servable.meter.samples) for servable in servables}
    yield _counter("samples", "Samples in successful requests.", servables, samples)
    in_flight = {servable: float(servable.meter.in_flight) for servable in servables}
    yield _gauge("in_flight", "Requests in the server now, from receipt to answer.", in_flight)


def _size_histogram(servable: Servable | Pipeline) -> Histogram:
    histogram = Histogram(BATCH_SIZES)
    for size, count in servable.meter.request_batch_sizes.items():
        histogram.observe(size, count)
    return histogram


def _execution_metrics(servables: list[Servable]) -> Iterator[Metric]:
    inference = {servable: servable.meter.inference_seconds for servable in servables}
    text = "From the first inference of a request to its last, waiting for infer requests included."
    yield _histogram("inference_seconds", text, inference)
    executed = {servable: servable.meter.executed_batch_size for servable in servables}
    yield _histogram("executed_batch_size", "Samples in each inference.", executed)
    shards = {servable: float(servable.meter.shards) for servable in servables}
    yield _counter("shards", "Single samples split from batches.", servables, shards)
    padding = {servable: float(servable.meter.padding_samples) for servable in servables}
    text = "Samples that only filled up a compiled batch size; their answers are dropped."
    yield _counter("padding_samples", text, servables, padding)


def _reload_metrics(servables: list[Servable]) -> Iterator[Metric]:
    reloads = CounterMetricFamily("batchwright_reloads", "Reloads.", labels=[*_MODEL, "reason"])
    rejected = CounterMetricFamily(
        "batchwright_reload_queue_rejected",
        "Requests that left the reload queue unserved.",
        labels=[*_MODEL, "reason"],
    )
    for servable in servables:
        for reason, count in servable.meter.reload.reloads.items():
            reloads.add_metric([*_labels(servable), reason], count)
        for reason, count in servable.meter.reload.rejected.items():
            rejected.add_metric([*_labels(servable), reason], count)
    yield reloads
    yield rejected
    meters = {servable: servable.meter.reload for servable in servables}
    seconds = {servable: meter.reload_seconds for servable, meter in meters.items()}
    yield _histogram("reload_seconds", "Compiling for a batch size, elapsed.", seconds)
    waits = {servable: meter.queue_wait_seconds for servable, meter in meters.items()}
    yield _histogram("reload_queue_wait_seconds", "Waiting for a reload, by request.", waits)
    depth = {servable: float(meter.queue_depth) for servable, meter in meters.items()}
    yield _gauge("reload_queue_depth", "Requests that wait for a reload now.", depth)
    held = {servable: float(meter.waiting_bytes) for servable, meter in meters.items()}
    yield _gauge("waiting_bytes", "Data of requests that wait for their last inference to begin.", held)
    compiled = {servable: float(meter.compiled_models) for servable, meter in meters.items()}
    yield _gauge("compiled_models", "Batch sizes compiled by the reload strategy now.", compiled)
    taken = {servable: float(servable.meter.compiled_bytes) for servable in servables}
    yield _gauge("compiled_bytes", "Memory of all that is compiled now, as measured.", taken)
    would = {servable: float(servable.meter.would_reloads) for servable in servables}
    text = "Reloads that the reload strategy would have made, whatever the strategy."
    yield _counter("would_reload", text, servables, would)


def _plan_metrics(servables: list[Servable]) -> Iterator[Metric]:
    strategy = GaugeMetricFamily(
        "batchwright_strategy", "1 for the strategy that serves.", labels=[*_MODEL, "strategy"]
    )
    costs = ["strategy", "streams", "batch_size", "source"]
    work = GaugeMetricFamily(
        "batchwright_plan_work_seconds", "Core-seconds of one request, alone.", labels=[*_MODEL, *costs]
    )
    span = GaugeMetricFamily(
        "batchwright_plan_span_seconds",
        "Elapsed seconds of one request, alone.",
        labels=[*_MODEL, *costs],
    )
    for servable in servables:
        labels = _labels(servable)
        for name in Strategy:
            strategy.add_metric([*labels, name.value], float(servable.plan.strategy is name))
        for cost in servable.costs.plans:
            plan = [cost.plan.strategy.value, cost.plan.streams.value]
            for point in cost.points:
                point_labels = [*labels, *plan, str(point.batch_size), cost.source.value]
                work.add_metric(point_labels, point.work_seconds)
                span.add_metric(point_labels, point.span_seconds)
    yield strategy
    yield work
    yield span
    switches = {servable: float(servable.meter.switches) for servable in servables}
    yield _counter("switches", "Switches of strategy.", servables, switches)
