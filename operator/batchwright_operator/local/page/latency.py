"""How long requests took, from counts in ranges."""

from collections.abc import Mapping
from dataclasses import dataclass

BEYOND = -1  # the key of what took longer than every bound
_WIDEST = 3.0  # ranges that nothing fell into are left out: none reaches further down than to a third
_LAST = 30e6  # the servers' last bound


@dataclass(frozen=True)
class Latency:
    """Milliseconds that half and 99 % of the requests took at most; the ranges are coarse."""

    p50_ms: float
    p99_ms: float


def percentiles(counts: Mapping[int, int]) -> Latency | None:
    """From how many requests ended in each range; the key is its upper bound in microseconds."""
    found = {bound: count for bound, count in counts.items() if count > 0}
    if not found:
        return None
    return Latency(quantile(found, 0.5) / 1000, quantile(found, 0.99) / 1000)


def quantile(counts: Mapping[int, int], share: float) -> float:
    """Microseconds, as if requests were spread evenly over their range. Some must be counted.

    Beyond the last bound nothing is known but that it is the last.
    """
    bounds = sorted(bound for bound in counts if bound != BEYOND)
    wanted = share * sum(counts.values())
    below, reached = 0, 0.0
    for bound in bounds:
        if reached + counts[bound] >= wanted:
            low = max(below, bound / _WIDEST)
            return low + (bound - low) * (wanted - reached) / counts[bound]
        below, reached = bound, reached + counts[bound]
    return _LAST
