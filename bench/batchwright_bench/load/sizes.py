"""Batch sizes of requests: one, several in turn, or drawn from a distribution."""

import bisect
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

EXPECTED = (
    "expected a number (8), numbers in turn (1,4,16), uniform:LEAST:MOST, geometric:MEAN:MOST, or "
    "weights:SIZE=WEIGHT,SIZE=WEIGHT"
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
        return tuple(sorted(size for size, weight in self.weights if weight > 0))

    def at(self, number: int, draw: float) -> int:
        del number
        kept = [(size, weight) for size, weight in self.weights if weight > 0]
        sums = list(itertools.accumulate(weight for _, weight in kept))
        place = bisect.bisect_right(sums, draw * sums[-1])
        return kept[min(place, len(kept) - 1)][0]


def parse_sizes(text: str) -> Sizes:
    """What the command line says. Raises InvalidSizes."""
    kind, colon, rest = text.partition(":")
    try:
        if not colon:
            return InTurn(tuple(_positive(part) for part in text.split(",")))
        if kind == "uniform":
            least, most = map(_positive, rest.split(":"))
            return _drawn((size, 1.0) for size in range(least, most + 1))
        if kind == "geometric":
            mean, most_text = rest.split(":")
            return _drawn(_geometric(float(mean), _positive(most_text)))
        if kind == "weights":
            pairs = (part.split("=") for part in rest.split(","))
            return _drawn((_positive(size), float(weight)) for size, weight in pairs)
    except ValueError as error:
        raise InvalidSizes(f"{EXPECTED}; got {text!r}") from error
    raise InvalidSizes(f"{EXPECTED}; got {text!r}")


def _geometric(mean: float, most: int) -> list[tuple[int, float]]:
    """Each size less likely than the one before by the same factor; `mean` as if there were no most."""
    if not mean > 1:
        raise ValueError(mean)
    return [(size, (1 - 1 / mean) ** (size - 1)) for size in range(1, most + 1)]


def _drawn(weights: Iterable[tuple[int, float]]) -> Drawn:
    found = Drawn(tuple(weights))
    if not found.possible or any(not 0 <= weight < math.inf for _, weight in found.weights):
        raise ValueError(weights)
    return found


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
