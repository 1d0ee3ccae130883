"""What pods said of one model at one moment: the policy's whole view of the world.

Counters only grow while a process lives, times are seconds, and `uptime_seconds` is the process's own
clock, so no two clocks need to agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from batchwright_server.config.plan import Plan, Strategy


class CostPoint(NamedTuple):  # compared at every look, and a dataclass takes thrice as long to make
    """What one request of `batch_size` samples costs when it is alone on the machine."""

    batch_size: int
    work_seconds: float  # core-seconds, all threads
    span_seconds: float  # elapsed


@dataclass(frozen=True)
class PlanCost:
    """The measured costs of one plan; `prepare_seconds` compiles and warms it beside another."""

    plan: Plan
    points: tuple[CostPoint, ...]
    prepare_seconds: float


@dataclass(frozen=True)
class ReloadCost:
    """What one reload costs when it is alone on the machine."""

    work_seconds: float
    span_seconds: float


@dataclass(frozen=True)
class Counters:
    """Sums since the process started."""

    requests: Mapping[int, int]  # successful ones, by batch size
    failed_requests: int
    samples: int
    in_flight_seconds: float  # sum over requests of the time each spent in the server
    reloads: int
    reload_seconds: float
    queue_wait_seconds: float
    would_reloads: int  # reloads that the reload strategy would have made


@dataclass(frozen=True)
class Reading:
    """One pod's words on one model."""

    pod: str
    process: str  # a name no other process ever has
    uptime_seconds: float
    cpu_seconds: float  # of the whole process
    cores: int  # that inference may use
    plan: Plan | None  # what the pod serves with now; None while it serves nothing
    counters: Counters
    costs: tuple[PlanCost, ...]
    reload_cost: ReloadCost | None
    fallback: str = ""  # why it serves with another plan than it was told to; may be of long ago
    bucket_sizes: tuple[int, ...] = ()  # that buckets are compiled for; none told, or another plan

    def has_fallen_back(self, wanted: Plan) -> bool:
        """Whether the pod says that it cannot serve with `wanted`, by name, and serves otherwise."""
        if not self.fallback or self.plan is None or self.plan == wanted:
            return False
        if self.plan.base == wanted.base:  # other sizes, which the pod has to name
            return str(wanted) in _words(self.fallback)
        return str(wanted.base) in self.fallback

    def serving(self, wanted: Plan, *, is_open: bool) -> "Reading":
        """The reading of a pod that is to serve `wanted`; its plan with sizes where these are open.

        A server too old to tell its sizes has those of the document that it was sent.
        """
        if not is_open or self.plan is None or self.plan.strategy is not Strategy.BUCKETS:
            return self
        base = self.plan.base
        untold = wanted.sizes if base == wanted.base else ()
        return replace(self, plan=base.with_sizes(self.bucket_sizes or untold))


@dataclass(frozen=True)
class Scrape:
    """The readings of one round over the pods; a pod that did not answer is missing."""

    readings: tuple[Reading, ...]
    expected_pods: int

    def by_pod(self) -> dict[str, Reading]:
        """One reading for each pod, by name; of several for one pod, the one with the longest uptime."""
        newest: dict[str, Reading] = {}
        for reading in self.readings:
            known = newest.get(reading.pod)
            newest[reading.pod] = reading if known is None else _newer(known, reading)
        return dict(sorted(newest.items()))


def _words(text: str) -> list[str]:
    return [word.rstrip(":;,.") for word in text.split()]


def _newer(one: Reading, other: Reading) -> Reading:
    """The one with the longer uptime; between equals the order in which they came must not decide."""
    return max(one, other, key=lambda it: (it.uptime_seconds, repr(it)))
