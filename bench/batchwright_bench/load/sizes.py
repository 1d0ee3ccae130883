"""Batch sizes of requests: one, several in turn, or drawn from a distribution."""

import bisect
import functools
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

LARGEST = 100_000  # a batch; beyond it is a slip of the hand, and no message could carry it
_DIGITS = len(str(LARGEST))

EXPECTED = (
    "expected a number (8), numbers in turn (1,4,16), uniform:LEAST:MOST, geometric:MEAN:MOST, or "
    f"weights:SIZE=WEIGHT,SIZE=WEIGHT; sizes from 1 to {LARGEST}, each weight's once"
)


class InvalidSizes(ValueError):
    """The message says what was expected and what came."""


class Sizes(Protocol):
    """Which batch size each request has."""

    @property
    def possible(self) -> tuple[int, ...]:
        """Every size that may come, ascending."""

    def at(self, number: int, draw: float) -> int:
        """The size of request `number`, counted from 0; `draw`: a random number from 0 to below 1."""


@dataclass(frozen=True)
class InTurn:
    """The same sizes again and again, in this order."""

    order: tuple[int, ...]

    @property
    def possible(self) -> tuple[int, ...]:
        return tuple(sorted(set(self.order)))

    def at(self, number: int, draw: float) -> int:
        del draw
        return self.order[number % len(self.order)]


@dataclass(frozen=True)
class Drawn:
    """Sizes with their weights, each request by itself."""

    weights: tuple[tuple[int, float], ...]

    @property
    def possible(self) -> tuple[int, ...]:
        return tuple(sorted(size for size, _ in self._kept))

    def at(self, number: int, draw: float) -> int:
        del number
        place = bisect.bisect_right(self._sums, draw * self._sums[-1])
        return self._kept[min(place, len(self._kept) - 1)][0]

    @functools.cached_property
    def _kept(self) -> list[tuple[int, float]]:
        return [(size, weight) for size, weight in self.weights if weight > 0]

    @functools.cached_property
    def _sums(self) -> list[float]:
        return list(itertools.accumulate(weight for _, weight in self._kept))


def parse_sizes(text: str) -> Sizes:
    """What the command line says. Raises InvalidSizes."""
    kind, colon, rest = text.partition(":")
    try:
        if not colon:
            return InTurn(tuple(parse_size(part) for part in text.split(",")))
        if kind == "uniform":
            least, most = map(parse_size, rest.split(":"))
            return _drawn((size, 1.0) for size in range(least, most + 1))
        if kind == "geometric":
            mean, most_text = rest.split(":")
            return _drawn(_geometric(float(mean), parse_size(most_text)))
        if kind == "weights":
            pairs = (part.split("=") for part in rest.split(","))
            return _drawn((parse_size(size), float(weight)) for size, weight in pairs)
    except ValueError as error:
        raise InvalidSizes(f"{EXPECTED}; got {_shorten(text)}") from error
    raise InvalidSizes(f"{EXPECTED}; got {_shorten(text)}")


def parse_size(text: str) -> int:
    """A batch size. Raises ValueError."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS):
        raise ValueError(digits)
    number = int(digits)
    if not 1 <= number <= LARGEST:
        raise ValueError(digits)
    return number


def _geometric(mean: float, most: int) -> list[tuple[int, float]]:
    """Each size less likely than the one before by the same factor; `mean` as if there were no most."""
    if not 1 < mean < math.inf:
        raise ValueError(mean)
    return [(size, (1 - 1 / mean) ** (size - 1)) for size in range(1, most + 1)]


def _drawn(weights: Iterable[tuple[int, float]]) -> Drawn:
    found = Drawn(tuple(weights))
    known = [size for size, _ in found.weights]
    total = sum(weight for _, weight in found.weights)
    is_sound = all(weight >= 0 for _, weight in found.weights) and 0 < total < math.inf
    if not is_sound or len(set(known)) < len(known):
        raise ValueError(weights)
    return found


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")
