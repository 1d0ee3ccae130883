"""What the page shows, as data: a sheet for each model, by object."""

from collections.abc import Mapping
from dataclasses import dataclass

from batchwright_operator.local.page.latency import Latency
from batchwright_operator.local.rates import Rates
from batchwright_server.config.plan import Plan


@dataclass(frozen=True)
class Moment:
    """What a model did at one look."""

    at: float  # Unix time, seconds
    samples: float  # a second
    reloads: float  # a minute
    plan: Plan


@dataclass(frozen=True)
class Change:
    """A switch of strategy, with the sentence that was told of it."""

    at: float
    source: str
    target: str
    message: str


@dataclass(frozen=True)
class PlanCosts:
    """One plan's costs of the mean request; None where it is not known.

    `alone` has the milliseconds of one request by itself, by its batch size, as pods measured them.
    """

    plan: Plan
    is_serving: bool
    rate: float | None = None  # samples a second, predicted
    work_ms: float | None = None  # predicted, of processors
    cost_ms: float | None = None  # predicted, of the pod, reloads included
    measured_ms: float | None = None  # of processors, in the traffic of now
    alone: Mapping[int, float] | None = None
    source: str = ""


@dataclass(frozen=True)
class ModelSheet:
    """One model. Shares and times are of the last minute, rates of the last ten seconds."""

    name: str
    plan: Plan
    since: str
    state: str
    is_well: bool
    sentence: str
    reason: str
    rates: Rates
    latency: Latency | None
    queue_depth: int
    reloads: int  # since the pods started
    failures: int
    padding_percent: float
    sizes: Mapping[int, int]
    plans: tuple[PlanCosts, ...]
    moments: tuple[Moment, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class ServerSheet:
    """One object; `trouble` needs a look."""

    name: str
    addresses: str
    trouble: str
    models: tuple[ModelSheet, ...]


@dataclass(frozen=True)
class Sheet:
    """The whole page at Unix time `at`."""

    at: float
    servers: tuple[ServerSheet, ...] = ()
    faults: tuple[str, ...] = ()
