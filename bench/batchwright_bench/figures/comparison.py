"""Two results side by side: what is better, what is worse, and what nobody can tell from these runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from batchwright_bench.figures.intervals import Interval
from batchwright_bench.figures.outcomes import Result

_PERCENTILES = (50.0, 95.0, 99.0)


class Verdict(StrEnum):
    """What the second result is beside the first."""

    BETTER = "better"
    WORSE = "worse"
    OPEN = "no difference shown"


@dataclass(frozen=True)
class Row:
    """One figure of both, and the second as a multiple of the first."""

    name: str
    first: Interval
    second: Interval
    higher_is_better: bool

    @property
    def change(self) -> Interval:
        """The second as a multiple of the first."""
        return self.second.over(self.first)

    @property
    def verdict(self) -> Verdict:
        """What can be told: nothing, where the same is possible for both."""
        is_more, is_less = self.change.low > 1.0, self.change.high < 1.0
        if not (is_more or is_less):  # nor with what is no number, as of a run without an answer
            return Verdict.OPEN
        return Verdict.BETTER if is_more == self.higher_is_better else Verdict.WORSE


def compare(first: Result, second: Result) -> Iterator[Row]:
    """Throughput and latencies of both."""
    yield Row("samples/s", first.samples_per_second, second.samples_per_second, higher_is_better=True)
    for percent in _PERCENTILES:
        name = f"{percent:g} % of latencies, ms"
        both = (_latency(result, percent) for result in (first, second))
        yield Row(name, next(both), next(both), higher_is_better=False)


def _latency(result: Result, percent: float) -> Interval:
    histogram = result.histogram
    return Interval(histogram.percentile(percent), *histogram.interval(percent))
