"""The `batching` block of a model: which strategy, and the limits of each."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from batchwright_operator.resources.strict import Percent, Positive, Strict, Unavailable
from batchwright_server.config.plan import Strategy


class BatchingStrategy(StrEnum):
    """What users choose from: one strategy, or the policy's choice among candidates."""

    ADAPTIVE = "Adaptive"
    RELOAD = "Reload"
    DEMULTIPLEX = "Demultiplex"
    DYNAMIC = "Dynamic"
    BUCKETS = "Buckets"
    FIXED = "Fixed"


class Mode(StrEnum):
    """What the policy does with its decisions."""

    ENFORCE = "Enforce"
    OBSERVE = "Observe"
    PAUSED = "Paused"


class Objective(StrEnum):
    """What the policy compares."""

    THROUGHPUT = "Throughput"
    LATENCY = "Latency"


class OnMiss(StrEnum):
    """What becomes of a request whose batch size is not compiled."""

    WAIT = "Wait"
    SPLIT = "Split"


SERVER_STRATEGIES = {
    BatchingStrategy.RELOAD: Strategy.RELOAD,
    BatchingStrategy.DEMULTIPLEX: Strategy.DEMULTIPLEX,
    BatchingStrategy.DYNAMIC: Strategy.DYNAMIC,
    BatchingStrategy.FIXED: Strategy.FIXED,
}


CANDIDATES = (BatchingStrategy.RELOAD, BatchingStrategy.DEMULTIPLEX, BatchingStrategy.DYNAMIC)


def _check_available(value: BatchingStrategy) -> BatchingStrategy:
    if value is BatchingStrategy.BUCKETS:
        others = ", ".join(item for item in BatchingStrategy if item is not value)
        raise ValueError(f"{value} is not available in this release; choose one of {others}")
    return value


def _check_candidates(value: tuple[BatchingStrategy, ...]) -> tuple[BatchingStrategy, ...]:
    if not value:
        raise ValueError("expected at least one candidate")
    for strategy in value:
        if strategy not in CANDIDATES:
            raise ValueError(f"{strategy} is no candidate; choose from {', '.join(CANDIDATES)}")
    if len(set(value)) != len(value):
        raise ValueError("each candidate once")
    return value


def _check_objective(value: Objective) -> Objective:
    if value is Objective.LATENCY:
        raise ValueError("Latency is not available in this release; use Throughput")
    return value


def _check_on_miss(value: OnMiss) -> OnMiss:
    if value is OnMiss.SPLIT:
        raise ValueError("Split is not available in this release; use Wait")
    return value


Candidates = Annotated[
    tuple[BatchingStrategy, ...],
    Field(max_length=8),
    AfterValidator(_check_candidates),
]


class Adaptive(Strict):
    """How the policy judges and when it may switch. The first candidate is where a model starts."""

    mode: Mode = Mode.ENFORCE
    objective: Annotated[Objective, AfterValidator(_check_objective)] = Objective.THROUGHPUT
    candidates: Candidates = CANDIDATES
    window_seconds: Positive = 60
    cooldown_seconds: Positive = 300
    min_saving_percent: Percent = 5


class ReloadQueue(Strict):
    """The bounds of the queue in which requests wait for a reload."""

    max_requests: Positive = 1024
    max_wait_seconds: Positive = 10


class CompiledCache(Strict):
    """How many compiled batch sizes are kept."""

    max_entries: Positive = 4
    max_bytes: Unavailable = None


class Reload(Strict):
    """What the reload strategy reads."""

    on_miss: Annotated[OnMiss, AfterValidator(_check_on_miss)] = OnMiss.WAIT
    queue: ReloadQueue = ReloadQueue()
    compiled_cache: CompiledCache = CompiledCache()


class Fixed(Strict):
    """What the fixed strategy reads; absent, the batch size the model was saved with."""

    batch_size: Positive | None = None


class Dynamic(Strict):
    """What the dynamic strategy reads: the sizes it is compiled for; no `max`: any size."""

    min: Positive = 1
    max: Positive | None = None

    @model_validator(mode="after")
    def _check_order(self) -> "Dynamic":
        if self.max is not None and self.max < self.min:
            raise ValueError(f"expected max of at least min ({self.min}), got {self.max}")
        return self


class Batching(Strict):
    """How one model takes batches of varying size."""

    strategy: Annotated[BatchingStrategy, AfterValidator(_check_available)] = BatchingStrategy.ADAPTIVE
    max_batch_size: Positive = 10_000
    adaptive: Adaptive = Adaptive()
    reload: Reload = Reload()
    fixed: Fixed = Fixed()
    dynamic: Dynamic = Dynamic()
    buckets: Unavailable = None

    @model_validator(mode="after")
    def _check_fixed(self) -> "Batching":
        size = self.fixed.batch_size
        if self.strategy is BatchingStrategy.FIXED and size is not None and size > self.max_batch_size:
            raise ValueError(
                f"fixed.batchSize: expected at most maxBatchSize ({self.max_batch_size}), got {size}"
            )
        return self

    @property
    def is_adaptive(self) -> bool:
        """Whether the policy chooses the strategy."""
        return self.strategy is BatchingStrategy.ADAPTIVE

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The strategies that may serve, the one to start with first."""
        chosen = self.adaptive.candidates if self.is_adaptive else (self.strategy,)
        return tuple(SERVER_STRATEGIES[item] for item in chosen)
