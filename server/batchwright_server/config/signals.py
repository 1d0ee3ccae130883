"""The signals document: what a server tells the operator at `/v1/signals`.

Counters only ever grow while a process lives; a smaller value means a new process. All times are in
seconds. `uptime_seconds` is the process's own clock, so windows need no agreement between clocks.
"""

from enum import StrEnum

from pydantic import Field

from batchwright_server.config.frozen import Tolerant
from batchwright_server.config.plan import ALL_PLANS, Plan, Strategy, Streams
from batchwright_server.config.problems import InvalidDocument

FORMAT = 1

MAX_PROBLEMS = 50  # of a refused document that are told one by one
MAX_TEXT = 1000  # characters of each
MAX_ERROR = 8000  # characters of the whole reason


class CostSource(StrEnum):
    """Where a cost was measured."""

    CALIBRATION = "calibration"  # while no request was under way
    PROBE = "probe"  # in moments taken from requests
    TRAFFIC = "traffic"  # of requests that were alone


class PlanName(Tolerant):
    """A plan on the wire."""

    strategy: Strategy
    streams: Streams

    @property
    def plan(self) -> Plan:
        """The plan this names."""
        return ALL_PLANS[self.strategy, self.streams]

    @classmethod
    def of(cls, plan: Plan) -> "PlanName":
        """The wire form of `plan`."""
        return cls(strategy=plan.strategy, streams=plan.streams)


class CostPoint(Tolerant):
    """What one request of `batch_size` samples costs when it is alone on the machine."""

    batch_size: int
    work_seconds: float  # core-seconds, all threads of the process
    span_seconds: float  # elapsed


class PlanCost(Tolerant):
    """The measured costs of one plan."""

    plan: PlanName
    points: tuple[CostPoint, ...]
    prepare_seconds: float  # elapsed, to compile and warm the plan beside another
    source: CostSource


class ReloadCost(Tolerant):
    """What one reload costs when it is alone on the machine."""

    work_seconds: float
    span_seconds: float


class ModelCounters(Tolerant):
    """Sums since the process started, over successful requests unless said otherwise.

    `answered` has the upper bound of each range of times from receipt to answer, in microseconds.
    """

    requests: dict[int, int]  # by batch size
    failed_requests: int
    samples: int
    in_flight_seconds: float  # sum over all requests of the time they spent in the server
    reloads: int
    reload_seconds: float
    queue_wait_seconds: float
    would_reloads: int  # reloads that the reload strategy would have made
    executions: int = 0  # inferences
    executed_samples: int = 0  # in these, padding included
    padding_samples: int = 0
    answered: dict[int, int] = Field(default={})  # requests however they ended, by bound; -1: beyond all


class ModelSignals(Tolerant):
    """One model version."""

    name: str
    version: int
    state: str  # the TFS state's name: START, LOADING, AVAILABLE, UNLOADING, END
    error: str = ""
    plan: PlanName | None = None  # None while nothing serves
    bucket_sizes: tuple[int, ...] = ()  # that the plan is compiled for, if it is buckets
    counters: ModelCounters
    queue_depth: int = 0
    costs: tuple[PlanCost, ...] = ()
    reload_cost: ReloadCost | None = None
    fallback: str = ""  # why it serves by another plan than its configuration says; empty: it does not


class PipelineSignals(Tolerant):
    """One pipeline; `fault` says why it does not serve, and is empty if it does."""

    name: str
    fault: str = ""


class DocumentProblem(Tolerant):
    """One reason why a document was refused; `path` names the field (`pipeline_config_list[0]`)."""

    path: str
    message: str


class ConfigState(Tolerant):
    """What the server made of its configuration document."""

    hash: str  # of the document that serves; empty without a document
    rejected_hash: str = ""  # of the newest document, where that one was refused
    error: str = ""
    problems: tuple[DocumentProblem, ...] = ()  # the error's, one by one; the first of them if many
    pending_hash: str = ""  # of the document that is being made ready

    def refusing(self, rejected_hash: str, error: InvalidDocument) -> "ConfigState":
        """The state after refusing a document and going on with what serves."""
        problems = error.problems[:MAX_PROBLEMS]
        return ConfigState(
            hash=self.hash,
            rejected_hash=rejected_hash,
            error=describe_refusal(error),
            problems=tuple(
                DocumentProblem(path=_fit(item.path), message=_fit(item.message)) for item in problems
            ),
        )


def describe_refusal(error: InvalidDocument) -> str:
    """Why a document was refused, of bounded length whatever was in it, and fit for JSON."""
    return _fit(str(error), MAX_ERROR)


def _fit(text: str, limit: int = MAX_TEXT) -> str:
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return short.encode(errors="backslashreplace").decode()


class Signals(Tolerant):
    """One server process."""

    format: int = FORMAT
    process: str  # a name no other process ever has
    uptime_seconds: float
    cpu_seconds: float  # user and system, all threads
    cores: int  # that inference may use
    ready: bool
    config: ConfigState
    models: tuple[ModelSignals, ...]
    pipelines: tuple[PipelineSignals, ...] = ()
