"""How much memory a model compiled for a size takes, learned from those that were compiled.

Weights and code are the same for every size, buffers grow with it: `fixed + per_unit * units`, a line
fitted to the measured sizes. Units are samples, or elements where a size is shapes. A size that was
measured is known by itself. What a size must have needed more than, because it failed at that, is a
lower bound, for larger ones as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from batchwright_server.core.tensors import Compilable, InputShapes

_ENOUGH = 4  # measured sizes make a line
_FAR = 2  # times the largest measured size
_LEAST_FACTOR = 1.1  # of a line's answer: what a line cannot know is taken to be a tenth


@dataclass(frozen=True)
class Footprint:
    """Bytes of a model compiled for a size: `fixed + per_unit * units`, both at least 0."""

    fixed: float
    per_unit: float

    def at(self, units: int) -> float:
        """Bytes at `units`."""
        return self.fixed + self.per_unit * units

    @classmethod
    def fit(cls, points: Iterable[tuple[int, float]]) -> "Footprint | None":
        """The least-squares line through (units, bytes); None without points."""
        known = list(points)
        if not known:
            return None
        mean_units = sum(units for units, _ in known) / len(known)
        mean_bytes = sum(taken for _, taken in known) / len(known)
        spread = sum((units - mean_units) ** 2 for units, _ in known)
        if not spread:
            return cls(mean_bytes, 0.0)
        slope = sum((units - mean_units) * (taken - mean_bytes) for units, taken in known) / spread
        slope = min(max(slope, 0.0), mean_bytes / mean_units if mean_units else 0.0)
        return cls(mean_bytes - slope * mean_units, slope)


class Footprints:
    """What is known of one model's footprints under one number of streams."""

    def __init__(self) -> None:
        self._measured: dict[Compilable, int] = {}
        self._more_than: dict[Compilable, int] = {}
        self._line: Footprint | None = None

    def wants(self, size: Compilable) -> bool:
        """Whether `size` should be measured: while a line is not certain, and far beyond its end."""
        if size in self._measured:
            return False
        most = max(map(units_of, self._measured), default=0)
        return len(self._measured) < _ENOUGH or units_of(size) > _FAR * most

    def learn(self, size: Compilable, taken: int) -> None:
        """Note that `size` takes so many bytes."""
        if len(self._measured) >= _MOST_SIZES and size not in self._measured:
            del self._measured[next(iter(self._measured))]  # of shapes there is no end
        self._measured[size] = taken
        for failed in [failed for failed in self._more_than if _is_within(failed, size)]:
            del self._more_than[failed]
        self._line = Footprint.fit((units_of(known), took) for known, took in self._measured.items())

    def learn_failure(self, size: Compilable, had: int) -> None:
        """Note that so many bytes did not suffice for `size`."""
        self._more_than[size] = max(had, self._more_than.get(size, 0))

    def predict(self, size: Compilable) -> int | None:
        """The bytes that `size` will take; None where nothing is known yet."""
        if size in self._measured:
            return self._measured[size]
        units = units_of(size)
        expected = int(_LEAST_FACTOR * self._line.at(units)) if self._line and units else None
        bounds = [had for failed, had in self._more_than.items() if _is_within(failed, size)]
        return max(expected or 0, max(bounds) + 1) if bounds else expected


_MOST_SIZES = 256


def _is_within(one: Compilable, other: Compilable) -> bool:
    """Whether `other` needs whatever `one` needs."""
    return one == other or 0 < units_of(one) <= units_of(other)


def units_of(size: Compilable) -> int:
    """Samples, or elements of all inputs together; of a range its end, 0 where it has none."""
    if isinstance(size, InputShapes):
        return sum(prod(shape) for _, shape in size.by_input)
    return size.most or 0
