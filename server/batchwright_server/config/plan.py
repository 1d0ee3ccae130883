"""A plan: a strategy with its streams. Plans are what is measured, compared and switched."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


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
    """A strategy with its streams; for buckets with the sizes, where these were chosen and not given."""

    strategy: Strategy
    streams: Streams
    sizes: tuple[int, ...] = ()

    @classmethod
    def of(cls, strategy: Strategy) -> "Plan":
        """`strategy` with the streams it takes when nothing else is said."""
        return cls(strategy, DEFAULT_STREAMS[strategy])

    @classmethod
    def parse(cls, text: str) -> "Plan":
        """A plan from `strategy/streams`, or with sizes `buckets/streams/1,4`. Raises ValueError."""
        name, streams, *sizes = text.split("/", 2)
        return cls(Strategy(name), Streams(streams)).with_sizes(_parse_sizes(name, *sizes))

    @property
    def base(self) -> "Plan":
        """The plan whatever its sizes: what is measured, and what lessons are about."""
        return Plan(self.strategy, self.streams) if self.sizes else self

    def with_sizes(self, sizes: tuple[int, ...]) -> "Plan":
        """The plan compiled for these sizes."""
        return Plan(self.strategy, self.streams, sizes)

    def __str__(self) -> str:
        name = f"{self.strategy.value}/{self.streams.value}"
        return f"{name}/{','.join(map(str, self.sizes))}" if self.sizes else name


def _parse_sizes(strategy: str, text: str | None = None) -> tuple[int, ...]:
    """Rising sizes from `1,4`; none without a text."""
    if text is None:
        return ()
    sizes = tuple(map(int, text.split(",")))
    is_rising = sizes[0] > 0 and all(less < more for less, more in pairwise(sizes))
    if strategy != Strategy.BUCKETS or not is_rising:
        raise ValueError(f"expected buckets with rising sizes, got {text!r}")
    return sizes


# Each plan once: what comes at every look is looked up, and then told apart by identity.
ALL_PLANS = {
    (strategy, streams): Plan(strategy, streams) for strategy in Strategy for streams in Streams
}
