"""The `batching` block of a model: which strategy, and the limits of each."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from batchwright_operator.resources import quantity
from batchwright_operator.resources.markers import ATOMIC, NOT_EMPTY, Rule
from batchwright_operator.resources.quantity import Quantity
from batchwright_operator.resources.strict import Percent, Positive, Strict
from batchwright_server.config.plan import Strategy

_LEAST_BYTES = "1Mi"


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
    BatchingStrategy.BUCKETS: Strategy.BUCKETS,
    BatchingStrategy.FIXED: Strategy.FIXED,
}


# What the policy chooses among unless told otherwise: none of it takes memory for sizes that never come.
CANDIDATES = (BatchingStrategy.RELOAD, BatchingStrategy.DEMULTIPLEX, BatchingStrategy.DYNAMIC)
POSSIBLE_CANDIDATES = (*CANDIDATES, BatchingStrategy.BUCKETS)


_CANDIDATE_RULES = (
    Rule(
        f"self.all(item, item in {[str(item) for item in POSSIBLE_CANDIDATES]})",
        f"expected candidates of {', '.join(POSSIBLE_CANDIDATES)}",
    ),
    Rule("self.all(item, self.exists_one(other, other == item))", "each candidate once"),
)
_OBJECTIVE = Rule("self != 'Latency'", "Latency is not available in this release; use Throughput")
_SIZES_ONCE = Rule("self.all(item, self.exists_one(other, other == item))", "each size once")


def _check_sizes(value: tuple[int, ...]) -> tuple[int, ...]:
    if not value:
        raise ValueError("expected at least one size")
    if len(set(value)) != len(value):
        raise ValueError(_SIZES_ONCE.message)
    return value


def _check_candidates(value: tuple[BatchingStrategy, ...]) -> tuple[BatchingStrategy, ...]:
    if not value:
        raise ValueError("expected at least one candidate")
    for strategy in value:
        if strategy not in POSSIBLE_CANDIDATES:
            possible = ", ".join(POSSIBLE_CANDIDATES)
            raise ValueError(f"{strategy} is no candidate; choose from {possible}")
    if len(set(value)) != len(value):
        raise ValueError("each candidate once")
    return value


def _check_objective(value: Objective) -> Objective:
    if value is Objective.LATENCY:
        raise ValueError(_OBJECTIVE.message)
    return value


Candidates = Annotated[
    tuple[BatchingStrategy, ...],
    Field(max_length=8),
    AfterValidator(_check_candidates),
    NOT_EMPTY,
    ATOMIC,
    *_CANDIDATE_RULES,
]


class Adaptive(Strict):
    """How the policy judges and when it may switch. The first candidate is where a model starts."""

    mode: Mode = Mode.ENFORCE
    """Enforce: decide and switch. Observe: decide and tell, change nothing. Paused: do neither."""
    objective: Annotated[Objective, AfterValidator(_check_objective), _OBJECTIVE] = Objective.THROUGHPUT
    """What is compared. Throughput: samples per second."""
    candidates: Candidates = CANDIDATES
    """The strategies to choose from: Reload, Demultiplex, Dynamic and Buckets. A model starts with the
    first."""
    window_seconds: Positive = 60
    """Over how many seconds traffic is judged."""
    cooldown_seconds: Positive = 300
    """How many seconds a model stays with a strategy at least."""
    min_saving_percent: Percent = 5
    """By how many percent another strategy has to be cheaper to be switched to."""


def _bytes_rule() -> Rule:
    return Rule(
        "!has(self.maxBytes) || "
        f"quantity(string(self.maxBytes)).compareTo(quantity('{_LEAST_BYTES}')) >= 0",
        f"expected at least {_LEAST_BYTES}",
        ".maxBytes",
    )


class ReloadQueue(Strict):
    """The bounds of the queue in which requests wait for a reload."""

    rules: ClassVar = (_bytes_rule(),)

    max_requests: Positive = 1024
    """How many requests may wait; further ones are refused at once (RESOURCE_EXHAUSTED)."""
    max_wait_seconds: Positive = 10
    """How many seconds a request waits at most."""
    max_bytes: Quantity | None = None
    """How much data the requests that wait may have together, as a quantity. Absent: with those of the
    other models a quarter of the memory that models leave."""

    @model_validator(mode="after")
    def _check_bytes(self) -> "ReloadQueue":
        if self.max_bytes and quantity.amount(self.max_bytes) < quantity.amount(_LEAST_BYTES):
            raise ValueError(f"maxBytes: {self.rules[0].message}, got {self.max_bytes}")
        return self


class CompiledCache(Strict):
    """How many compiled batch sizes are kept."""

    rules: ClassVar = (_bytes_rule(),)

    max_entries: Positive = 4
    """How many batch sizes are kept compiled; each has a copy of the weights in memory."""
    max_bytes: Quantity | None = None
    """How much memory they may take together, as a quantity. Absent: half of the pod's limit."""

    @model_validator(mode="after")
    def _check_bytes(self) -> "CompiledCache":
        if self.max_bytes and quantity.amount(self.max_bytes) < quantity.amount(_LEAST_BYTES):
            raise ValueError(f"maxBytes: {self.rules[0].message}, got {self.max_bytes}")
        return self


class Reload(Strict):
    """What the reload strategy reads."""

    on_miss: OnMiss = OnMiss.WAIT
    """What becomes of a request whose batch size is not compiled. Wait: it waits for the reload. Split:
    it is split over sizes that are compiled, until that has cost as much as the reload would."""
    queue: ReloadQueue = ReloadQueue()
    """The queue in which requests wait for a reload."""
    compiled_cache: CompiledCache = CompiledCache()
    """The batch sizes that are kept compiled."""


class Fixed(Strict):
    """What the fixed strategy reads; absent, the batch size the model was saved with."""

    batch_size: Positive | None = None
    """The one batch size that is taken. Absent: the one the model was saved with."""


class Dynamic(Strict):
    """What the dynamic strategy reads: the sizes it is compiled for; no `max`: any size."""

    rules: ClassVar = (
        Rule("!has(self.max) || self.min <= self.max", "expected max of at least min", ".max"),
    )

    min: Positive = 1
    """The smallest batch size."""
    max: Positive | None = None
    """The largest batch size. Absent: without bound."""

    @model_validator(mode="after")
    def _check_order(self) -> "Dynamic":
        if self.max is not None and self.max < self.min:
            raise ValueError(f"expected max of at least min ({self.min}), got {self.max}")
        return self


BucketSizes = Annotated[
    tuple[Positive, ...],
    Field(max_length=32),
    AfterValidator(_check_sizes),
    NOT_EMPTY,
    ATOMIC,
    _SIZES_ONCE,
]


class Buckets(Strict):
    """What the buckets strategy reads."""

    sizes: BucketSizes | None = None
    """The batch sizes that are compiled; each has a copy of the weights in memory. Absent: where Buckets
    is a candidate the policy chooses them for the traffic, as many as reload.compiledCache.maxEntries at
    most; until then, and where Buckets is the strategy, they are 1, 4 and 16."""


class Coalesce(Strict):
    """Samples of several requests in one inference."""

    max_batch_size: Positive
    """The most samples of an inference."""
    max_delay_microseconds: Annotated[int, Field(strict=True, ge=0, le=60_000_000)] = 0
    """How long a request waits at most for others to join it, where it could begin while another
    inference runs. Nothing waits while nothing runs."""


class Batching(Strict):
    """How one model takes batches of varying size."""

    rules: ClassVar = (
        Rule(
            "self.strategy != 'Fixed' || !has(self.fixed) || !has(self.fixed.batchSize)"
            " || self.fixed.batchSize <= self.maxBatchSize",
            "expected fixed.batchSize of at most maxBatchSize",
            ".fixed.batchSize",
        ),
    )

    strategy: BatchingStrategy = BatchingStrategy.ADAPTIVE
    """Adaptive: the cheapest for the traffic, of adaptive.candidates. Reload: compile the model again
    for the size that comes (OpenVINO Model Server's `batch_size: auto`). Demultiplex: split into single
    samples. Dynamic: compile once for any size. Buckets: compile for a few sizes, and pad or
    split requests to fit them. Fixed: take one size only."""
    max_batch_size: Positive = 10_000
    """The largest batch size; a larger request is refused (INVALID_ARGUMENT)."""
    adaptive: Adaptive = Adaptive()
    """How the policy chooses; read where strategy is Adaptive."""
    reload: Reload = Reload()
    """Limits of Reload; read where it is the strategy or a candidate."""
    fixed: Fixed = Fixed()
    """The size of Fixed; read where it is the strategy."""
    dynamic: Dynamic = Dynamic()
    """Sizes of Dynamic; read where it is the strategy or a candidate."""
    buckets: Buckets = Buckets()
    """The sizes of Buckets; read where it is the strategy or a candidate."""
    coalesce: Coalesce | None = None
    """Samples of several requests in one inference; read where the strategy is Dynamic, Buckets or
    Demultiplex, or one of these is a candidate. Absent: each request is inferred by itself."""

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
