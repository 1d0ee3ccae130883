"""The `batching` extension of a model's configuration: its strategy, with the limits of each."""

from typing import Annotated

from pydantic import Field, PositiveInt, model_validator

from batchwright_server.config.frozen import Frozen
from batchwright_server.config.plan import Plan, Strategy, Streams

PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ReloadQueue(Frozen):
    """The bounds of the queue in which requests wait for a reload."""

    max_requests: PositiveInt = 1024
    max_wait_seconds: PositiveSeconds = 10.0


class CompiledCache(Frozen):
    """How many compiled batch sizes are kept."""

    max_entries: PositiveInt = 4


class Reload(Frozen):
    """What the reload strategy reads."""

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
    calibration: Calibration = Calibration()

    @property
    def plan(self) -> Plan:
        """The strategy with the streams asked for, or with its default."""
        return Plan(self.strategy, self.streams) if self.streams else Plan.of(self.strategy)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plan that serves, then those that are candidates beside it."""
        return tuple(dict.fromkeys([self.plan, *map(Plan.of, self.candidates)]))
