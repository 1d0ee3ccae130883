"""How long to wait after failures in a row."""

from collections.abc import Callable
from dataclasses import dataclass

_MOST_DOUBLINGS = 30  # beyond any limit; keeps the power finite


@dataclass(frozen=True)
class Backoff:
    """Doubling delays in seconds; `jitter` gives numbers in [0, 1) and adds up to a quarter."""

    jitter: Callable[[], float]
    first: float = 0.1
    limit: float = 60.0

    def delay(self, failures: int) -> float:
        """The delay after the `failures`-th failure in a row, counted from 1."""
        doubled = self.first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return float(min(self.limit, doubled) * (1 + self.jitter() / 4))
