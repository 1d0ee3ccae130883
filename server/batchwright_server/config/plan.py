"""A plan: a strategy with its streams. Plans are what is measured, compared and switched."""

from dataclasses import dataclass
from enum import StrEnum


class Strategy(StrEnum):
    """How a servable takes batches of varying size."""

    FIXED = "fixed"
    RELOAD = "reload"
    DEMULTIPLEX = "demultiplex"
    DYNAMIC = "dynamic"
    BUCKETS = "buckets"

    __hash__ = str.__hash__  # an enum's own takes ten times as long, and plans are looked up often


class Streams(StrEnum):
    """How many inferences one compiled model runs side by side.

    `one` gives each inference all threads (OpenVINO's latency hint); `optimum` gives OpenVINO's own
    number for throughput, with the threads shared out among them.
    """

    ONE = "one"
    OPTIMUM = "optimum"

    __hash__ = str.__hash__


DEFAULT_STREAMS = {
    Strategy.FIXED: Streams.ONE,
    Strategy.RELOAD: Streams.ONE,
    Strategy.DEMULTIPLEX: Streams.OPTIMUM,
    Strategy.DYNAMIC: Streams.ONE,
    Strategy.BUCKETS: Streams.ONE,
}


@dataclass(frozen=True, order=True)
class Plan:
    """A strategy with its streams."""

    strategy: Strategy
    streams: Streams

    @classmethod
    def of(cls, strategy: Strategy) -> "Plan":
        """`strategy` with the streams it takes when nothing else is said."""
        return cls(strategy, DEFAULT_STREAMS[strategy])

    @classmethod
    def parse(cls, text: str) -> "Plan":
        """A plan from `strategy/streams`. Raises ValueError for anything else."""
        strategy, _, streams = text.partition("/")
        return cls(Strategy(strategy), Streams(streams))

    def __str__(self) -> str:
        return f"{self.strategy.value}/{self.streams.value}"


# Each plan once: what comes at every look is looked up, and then told apart by identity.
ALL_PLANS = {
    (strategy, streams): Plan(strategy, streams) for strategy in Strategy for streams in Streams
}
