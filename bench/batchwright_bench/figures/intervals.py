"""Means of what was measured several times, and how far off they may be."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# Student's t for 95 %, both sides, by degrees of freedom from 1; beyond the last, the normal one.
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_NORMAL = 1.96


@dataclass(frozen=True)
class Interval:
    """A figure, and between what it lies by 95 %."""

    value: float
    low: float
    high: float

    def over(self, other: "Interval") -> "Interval":
        """The multiple of another figure that this one is, at its worst and at its best."""
        return Interval(
            _ratio(self.value, other.value), _ratio(self.low, other.high), _ratio(self.high, other.low)
        )

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def mean_of(values: Sequence[float]) -> Interval:
    """The mean of values, such as one of each second; of one value, nobody knows how far it is off."""
    mean = statistics.fmean(values) if values else math.nan
    if len(values) < 2:
        return Interval(mean, 0.0, math.inf)
    freedom = len(values) - 1
    student = _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else _NORMAL
    half = student * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, max(mean - half, 0.0), mean + half)


def _ratio(above: float, below: float) -> float:
    if below == 0.0:
        return math.nan if above == 0.0 else math.inf
    return 0.0 if math.isinf(below) else above / below
