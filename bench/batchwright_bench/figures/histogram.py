"""Durations counted in buckets that are 0.1 % wide at most, so that runs of any length fit a file."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_BITS = 10
_EXACT = 1 << (_BITS + 1)  # below this every value has its own bucket

_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Histogram:
    """How many durations (whole nanoseconds) are in each bucket."""

    counts: Mapping[int, int]

    @classmethod
    def of(cls, nanoseconds: Iterable[int]) -> "Histogram":
        """The histogram of these durations, each from 0."""
        counts: dict[int, int] = {}
        for value in nanoseconds:
            index = bucket_of(value)
            counts[index] = counts.get(index, 0) + 1
        return cls(counts)

    @property
    def total(self) -> int:
        """How many durations there are."""
        return sum(self.counts.values())

    def __add__(self, other: "Histogram") -> "Histogram":
        indices = {*self.counts, *other.counts}
        both = {index: self.counts.get(index, 0) + other.counts.get(index, 0) for index in indices}
        return Histogram(both)

    def percentile(self, percent: float) -> float:
        """Milliseconds that this percentage of the durations does not exceed, to 0.1 %; NaN of none."""
        return self._at_rank(math.ceil(percent / 100.0 * self.total))

    def interval(self, percent: float) -> tuple[float, float]:
        """Where the percentile lies by 95 % if durations are independent, by the ranks around it.

        From 0 and without end where there are too few durations to know: of 99 % below some 600.
        """
        share, total = percent / 100.0, self.total
        if total == 0:
            return math.nan, math.nan
        half = _NORMAL_95 * math.sqrt(total * share * (1.0 - share))
        low, high = math.floor(share * total - half), math.ceil(share * total + half) + 1
        return self._at_rank(low) if low > 0 else 0.0, self._at_rank(high) if high <= total else math.inf

    @property
    def mean(self) -> float:
        """Milliseconds, to 0.1 %; NaN of none."""
        total = self.total
        if total == 0:
            return math.nan
        return sum(_middle(index) * count for index, count in self.counts.items()) / total / 1e6

    def _at_rank(self, rank: int) -> float:
        wanted = min(max(rank, 1), self.total)
        passed = 0
        for index in sorted(self.counts):
            passed += self.counts[index]
            if passed >= wanted > 0:
                return highest_of(index) / 1e6
        return math.nan


def bucket_of(nanoseconds: int) -> int:
    """The bucket that a duration is counted in."""
    shift = max(nanoseconds.bit_length() - (_BITS + 1), 0)
    return (shift << _BITS) + (nanoseconds >> shift)


def lowest_of(index: int) -> int:
    """The shortest duration of a bucket."""
    if index < _EXACT:
        return index
    shift = (index >> _BITS) - 1
    return (index - (shift << _BITS)) << shift


def highest_of(index: int) -> int:
    """The longest duration of a bucket."""
    return lowest_of(index + 1) - 1


def _middle(index: int) -> float:
    return (lowest_of(index) + highest_of(index)) / 2
