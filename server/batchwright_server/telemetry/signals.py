"""The signals document, read from the runtime's meters: what the operator decides on."""

import time
import uuid
from collections import Counter

import orjson

from batchwright_server.config import signals
from batchwright_server.runtime.configuration import Configuration
from batchwright_server.runtime.meters import ModelMeters
from batchwright_server.runtime.registry import Registry
from batchwright_server.runtime.servable import Servable, State


class SignalsReport:
    """Gives the signals of this process."""

    def __init__(self, registry: Registry, configuration: Configuration, *, cores: int) -> None:
        self._registry = registry
        self._configuration = configuration
        self._cores = cores
        self._process = uuid.uuid4().hex
        self._started = time.monotonic()

    def render(self) -> bytes:
        """The document as JSON."""
        return orjson.dumps(self.collect().model_dump(mode="json"), option=orjson.OPT_NON_STR_KEYS)

    def collect(self) -> signals.Signals:
        """The document now."""
        served = [_model_signals(servable) for servable in self._registry.servables]
        failed = [
            _failure_signals(name, version, failure.reason)
            for name, model in self._registry.models.items()
            for version, failure in model.failures.items()
        ]
        return signals.Signals(
            process=self._process,
            uptime_seconds=time.monotonic() - self._started,
            cpu_seconds=time.process_time(),
            cores=self._cores,
            ready=is_ready(self._registry, self._configuration),
            config=self._configuration.state,
            models=(*served, *failed),
            pipelines=tuple(
                signals.PipelineSignals(name=name, fault=pipeline.fault)
                for name, pipeline in self._registry.pipelines.items()
            ),
        )


def is_ready(registry: Registry, configuration: Configuration) -> bool:
    """Whether requests are welcome: the first document is loaded and not all of its models failed."""
    return configuration.loaded and (any(registry.servables) or not registry.models)


def _model_signals(servable: Servable) -> signals.ModelSignals:
    return signals.ModelSignals(
        name=servable.config.name,
        version=servable.version,
        state=servable.state.name,
        plan=signals.PlanName.of(servable.plan),
        bucket_sizes=servable.bucket_sizes,
        counters=_counters(servable.meter),
        queue_depth=servable.meter.reload.queue_depth,
        costs=servable.costs.plans,
        reload_cost=servable.costs.reload,
        fallback=servable.fallback,
    )


def _failure_signals(name: str, version: int, reason: str) -> signals.ModelSignals:
    counters = _counters(ModelMeters(time.monotonic))
    return signals.ModelSignals(
        name=name, version=version, state=State.LOADING.name, error=reason, counters=counters
    )


def _counters(meter: ModelMeters) -> signals.ModelCounters:
    failed = sum(count for labels, count in meter.requests.items() if labels.code != "OK")
    return signals.ModelCounters(
        requests=dict(meter.request_batch_sizes),
        failed_requests=failed,
        samples=meter.samples,
        in_flight_seconds=meter.in_flight_seconds,
        reloads=meter.reload.reloads.total(),
        reload_seconds=meter.reload.reload_seconds.total,
        queue_wait_seconds=meter.reload.queue_wait_seconds.total,
        would_reloads=meter.would_reloads,
        executions=sum(meter.executed_batch_size.counts),
        executed_samples=int(meter.executed_batch_size.total),
        padding_samples=meter.padding_samples,
        answered=_answered(meter),
    )


def _answered(meter: ModelMeters) -> dict[int, int]:
    """Requests by the upper bound of their time in microseconds, -1 beyond all bounds."""
    counted: Counter[int] = Counter()
    for histogram in meter.request_seconds.values():
        bounds = [*(round(1e6 * bound) for bound in histogram.bounds), -1]
        counted.update(dict(zip(bounds, histogram.counts, strict=True)))
    return {bound: count for bound, count in counted.items() if count}
