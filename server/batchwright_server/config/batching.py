"""The `batching` extension of a model's configuration: its strategy, with the limits of each."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from batchwright_server.config.frozen import Frozen
from batchwright_server.config.plan import Plan, Strategy, Streams

MOST_BUCKETS = 32  # each is a compiled model with a copy of the weights

PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _check_sizes(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(value)) != len(value):
        raise ValueError("expected each size once")
    return tuple(sorted(value))


BucketSizes = Annotated[
    tuple[PositiveInt, ...],
    Field(min_length=1, max_length=MOST_BUCKETS),
    AfterValidator(_check_sizes),
]


class OnMiss(StrEnum):
    """What becomes of a request whose batch size is not compiled."""

    WAIT = "wait"
    SPLIT = "split"


class ReloadQueue(Frozen):
    """The bounds of the queue in which requests wait for a reload.

    `max_bytes`: None: as much as all models' requests may have together.
    """

    max_requests: PositiveInt = 1024
    max_wait_seconds: PositiveSeconds = 10.0
    max_bytes: PositiveInt | None = None


class CompiledCache(Frozen):
    """How many compiled batch sizes are kept, and how many bytes they may take.

    `max_bytes`: None: half of what the process may have.
    """

    max_entries: PositiveInt = 4
    max_bytes: PositiveInt | None = None


class Reload(Frozen):
    """What the reload strategy reads."""

    on_miss: OnMiss = OnMiss.WAIT
    queue: ReloadQueue = ReloadQueue()
    compiled_cache: CompiledCache = CompiledCache()


class Fixed(Frozen):
    """What the fixed strategy reads; absent, the batch size the model was saved with."""

    batch_size: PositiveInt | None = None


class Dynamic(Frozen):
    """What the dynamic strategy reads: the sizes it is compiled for; no `max`: any size."""

    min: PositiveInt = 1
    max: PositiveInt | None = None

    @model_validator(mode="after")
    def _check_order(self) -> "Dynamic":
        if self.max is not None and self.max < self.min:
            raise ValueError(f"expected max of at least min ({self.min}), got {self.max}")
        return self


class Buckets(Frozen):
    """What the buckets strategy reads: the sizes it is compiled for, in any order."""

    sizes: BucketSizes = (1, 4, 16)


class Coalesce(Frozen):
    """Samples of several requests in one inference; read by dynamic, buckets and demultiplex."""

    max_batch_size: PositiveInt
    max_delay_seconds: Seconds = 0.0  # for others to join, and only while another inference runs


class Calibration(Frozen):
    """Measuring the candidates' costs when the model loads, before it is ready.

    `max_seconds` bounds the whole of it: a candidate not measured by then has no known cost.
    """

    enabled: bool = True
    max_seconds: PositiveSeconds = 20.0


class Batching(Frozen):
    """How one model takes batches of varying size."""

    strategy: Strategy
    streams: Streams | None = None  # None: the strategy's own default
    max_batch_size: PositiveInt = 10_000
    candidates: tuple[Strategy, ...] = ()  # measured beside the strategy, so that a switch can be judged
    reload: Reload = Reload()
    fixed: Fixed = Fixed()
    dynamic: Dynamic = Dynamic()
    buckets: Buckets = Buckets()
    coalesce: Coalesce | None = None  # None: each request is inferred by itself
    calibration: Calibration = Calibration()

    @property
    def plan(self) -> Plan:
        """The strategy with the streams asked for, or with its default."""
        return Plan(self.strategy, self.streams) if self.streams else Plan.of(self.strategy)

    @property
    def built_plan(self) -> Plan:
        """The plan with the sizes that it is compiled for, where it has any: what takes the memory."""
        is_sized = self.strategy is Strategy.BUCKETS
        return self.plan.with_sizes(self.buckets.sizes) if is_sized else self.plan

    def with_plan(self, plan: Plan) -> "Batching":
        """The same, but served by `plan`, for its sizes where it has any."""
        news: dict[str, object] = {"strategy": plan.strategy, "streams": plan.streams}
        if plan.sizes:
            news["buckets"] = self.buckets.model_copy(update={"sizes": plan.sizes})
        return self.model_copy(update=news)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plan that serves, then those that are candidates beside it."""
        return tuple(dict.fromkeys([self.plan, *map(Plan.of, self.candidates)]))
