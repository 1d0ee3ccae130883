"""What the models did since the process started, as load generators ask for it."""

import time
from dataclasses import dataclass

from batchwright_server.runtime.meters import ModelMeters
from batchwright_server.runtime.registry import Registry

_OK = "OK"


@dataclass(frozen=True)
class Duration:
    """How often something was done, and how long all of it took."""

    count: int
    seconds: float


@dataclass(frozen=True)
class ModelStatistics:
    """One model version; `last_success` is in seconds since the epoch, 0 before the first."""

    model: str
    version: int
    last_success: float
    samples: int
    executions: int
    success: Duration
    failure: Duration
    queue: Duration
    inference: Duration


class StatisticsReport:
    """Gives the statistics of this process."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self, model: str = "", version: int = 0) -> tuple[ModelStatistics, ...]:
        """The statistics of a model or pipeline (empty: all), a version (0: all). Raises ServerError."""
        if model and self._registry.find_pipeline(model) is None:
            self._registry.find(model, version)
        servables = [(s.config.name, int(s.version), s.meter) for s in self._registry.servables]
        pipelines = [(p.config.name, p.version, p.meter) for p in self._registry.reachable_pipelines]
        return tuple(
            _collect(name, number, meter)
            for name, number, meter in (*servables, *pipelines)
            if model in ("", name) and version in (0, number)
        )


def _collect(model: str, version: int, meter: ModelMeters) -> ModelStatistics:
    succeeded = sum(count for labels, count in meter.requests.items() if labels.code == _OK)
    return ModelStatistics(
        model=model,
        version=version,
        last_success=_to_epoch(meter),
        samples=meter.samples,
        executions=sum(meter.executed_batch_size.counts),
        success=Duration(succeeded, meter.seconds_by_code.get(_OK, 0.0)),
        failure=Duration(
            meter.requests.total() - succeeded,
            sum(seconds for code, seconds in meter.seconds_by_code.items() if code != _OK),
        ),
        queue=Duration(succeeded, meter.reload.queue_wait_seconds.total),
        inference=Duration(succeeded, meter.inference_seconds.total),
    )


def _to_epoch(meter: ModelMeters) -> float:
    return 0.0 if meter.last_success is None else time.time() - (meter.clock() - meter.last_success)
