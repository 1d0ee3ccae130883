"""Which compiled sizes a number of samples is run on: the cheapest sizes whose sum suffices."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

# Without measured costs, a size costs its samples, and ever so little for being one more inference: so
# the least padding wins, and among equals the fewest inferences.
_SAMPLE = 1 << 40
_LEAST_COST = 1e-9  # a clock that did not move must not make an inference free


class Cover:
    """The cheapest covers over one set of sizes; sizes and costs must be positive.

    `costs`: by size, in any unit; where one is missing, padding counts instead.
    """

    def __init__(self, sizes: Iterable[int], costs: Mapping[int, float] | None = None) -> None:
        self._sizes = sorted(set(sizes), reverse=True)
        known = costs if costs and all(size in costs for size in self._sizes) else None
        self._costs: dict[int, float] = {
            size: max(known[size], _LEAST_COST) if known else size * _SAMPLE + 1 for size in self._sizes
        }
        self._best = min(self._sizes, key=lambda size: Fraction(self._costs[size]) / size)
        self._totals: list[float] = [0]  # by number of samples: the least cost, and the first size of it
        self._firsts: list[int] = [0]

    @property
    def largest(self) -> int:
        """The largest size."""
        return self._sizes[0]

    def pieces(self, samples: int) -> tuple[int, ...]:
        """Sizes in descending order, at least `samples` in sum; none of them can be left out.

        Of a large number, most goes to the size that is cheapest for its samples: more than `best - 1`
        pieces of other sizes have some among them that add up to a multiple of `best`, which that size
        does for no more. So the rest that has to be searched stays small.
        """
        surplus = samples - self._best * self.largest
        whole = max(0, -(-surplus // self._best))
        rest = samples - whole * self._best
        self._extend(rest)
        found = [self._best] * whole
        while rest > 0:
            found.append(self._firsts[rest])
            rest -= found[-1]
        return tuple(sorted(found, reverse=True))

    def cost(self, samples: int) -> float:
        """What `pieces` cost together."""
        return sum(self._costs[size] for size in self.pieces(samples))

    def _extend(self, samples: int) -> None:
        for count in range(len(self._totals), samples + 1):
            cost, negative = min(
                (self._costs[size] + self._totals[max(0, count - size)], -size) for size in self._sizes
            )
            self._totals.append(cost)
            self._firsts.append(-negative)
