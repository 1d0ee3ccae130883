"""The counters of one model version. They outlive strategies: a switch goes on counting.

Written by the event loop alone, read by telemetry: no locks.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from batchwright_server.runtime import ports, scopes
from batchwright_server.runtime.histogram import BATCH_SIZES, SECONDS, Histogram


class Rejection(StrEnum):
    """Why a request was not let wait, or left the reload queue without a lease."""

    FULL = "full"
    BYTES = "bytes"
    MAX_WAIT = "max_wait"
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    COMPILATION = "compilation"


class RequestLabels(NamedTuple):
    """How a request came and how it ended."""

    protocol: str
    method: str
    code: str


@dataclass
class ReloadMeters:
    """What the reload queue counts."""

    reloads: Counter[str] = field(default_factory=Counter)  # by reason
    reload_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    queue_wait_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    queue_depth: int = 0
    waiting_bytes: int = 0  # of requests that wait for anything, under any strategy
    rejected: Counter[str] = field(default_factory=Counter)  # by reason
    compiled_models: int = 0


@dataclass
class ModelMeters:
    """What one model version counts."""

    clock: ports.Clock
    requests: Counter[RequestLabels] = field(default_factory=Counter)
    request_seconds: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    seconds_by_code: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    request_batch_sizes: Counter[int] = field(default_factory=Counter)  # successful requests
    executed_batch_size: Histogram = field(default_factory=lambda: Histogram(BATCH_SIZES))
    inference_seconds: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    samples: int = 0
    last_success: float | None = None  # on the clock; None before the first
    shards: int = 0
    padding_samples: int = 0  # in inferences, beside those that were asked for
    would_reloads: int = 0
    compiled_bytes: int = 0  # of all that is compiled now, under any strategy
    switches: int = 0
    reload: ReloadMeters = field(default_factory=ReloadMeters)
    in_flight: int = 0
    _in_flight_seconds: float = 0.0
    _in_flight_since: float = 0.0

    @property
    def in_flight_seconds(self) -> float:
        """The integral of `in_flight` over time, up to now."""
        return self._in_flight_seconds + self.in_flight * (self.clock() - self._in_flight_since)

    def enter(self) -> None:
        """Note a request that came in."""
        self._integrate(1)

    def leave(self, labels: RequestLabels | None, seconds: float) -> None:
        """Note a request that was answered; without labels it is counted elsewhere."""
        self._integrate(-1)
        if labels is None:
            return
        self.requests[labels] += 1
        self.seconds_by_code[labels.code] += seconds
        key = (labels.protocol, labels.method)
        histogram = self.request_seconds.get(key)
        if histogram is None:
            histogram = self.request_seconds[key] = Histogram(SECONDS)
        histogram.observe(seconds)

    def succeed(self, batch_size: int) -> None:
        """Note a prediction that succeeded."""
        self.request_batch_sizes[batch_size] += 1
        self.samples += batch_size
        self.last_success = self.clock()
        if (scope := scopes.current()) is not None:
            scope.batch_size = batch_size  # of a pipeline: its own, noted after those of its nodes

    def _integrate(self, change: int) -> None:
        now = self.clock()
        self._in_flight_seconds += self.in_flight * (now - self._in_flight_since)
        self._in_flight_since = now
        self.in_flight += change
