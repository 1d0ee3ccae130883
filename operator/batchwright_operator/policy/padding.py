"""What buckets make of a request: how many inferences, over how many samples with their padding."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Runs:
    """Inferences, and the samples in them."""

    inferences: int
    samples: int


@dataclass(frozen=True)
class Padding:
    """The cheapest covers of requests by a few compiled sizes.

    An inference costs `fixed` and as much as `per_sample` for each of its samples, padding included.
    """

    sizes: tuple[int, ...]
    fixed: float
    per_sample: float

    def runs(self, requests: Mapping[int, int]) -> Runs:
        """All inferences for so many requests of each batch size."""
        inferences = samples = 0
        for size, count in requests.items():
            one = self._cover(size)
            inferences += count * one.inferences
            samples += count * one.samples
        return Runs(inferences, samples)

    def _cover(self, size: int) -> Runs:
        """Of what is more than the largest size, all that this fills goes there."""
        largest = max(self.sizes)
        whole, rest = divmod(size, largest)
        last = self._covers[rest]
        return Runs(whole + last.inferences, whole * largest + last.samples)

    @cached_property
    def _covers(self) -> tuple[Runs, ...]:
        """The cheapest cover of each number of samples below the largest size."""
        found = [Runs(0, 0)]
        for samples in range(1, max(self.sizes)):
            tried = (
                Runs(1 + rest.inferences, size + rest.samples)
                for size in self.sizes
                for rest in [found[max(0, samples - size)]]
            )
            found.append(min(tried, key=self._price))
        return tuple(found)

    def _price(self, runs: Runs) -> tuple[float, int, int]:
        cost = self.fixed * runs.inferences + self.per_sample * runs.samples
        return cost, runs.samples, runs.inferences
