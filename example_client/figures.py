"""Statistics of how long requests took, and how they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Milliseconds per request, over all requests; deviation and variance of the population."""

    mean: float
    median: float
    largest: float
    smallest: float
    percentile_90: float
    deviation: float
    variance: float


def observe(milliseconds: Sequence[float]) -> Timing:
    """The statistics of at least one duration, none of them rounded."""
    values = np.asarray(milliseconds, np.float64)
    return Timing(
        mean=float(values.mean()),
        median=float(np.median(values)),
        largest=float(values.max()),
        smallest=float(values.min()),
        percentile_90=float(np.percentile(values, 90)),
        deviation=float(values.std()),
        variance=float(values.var()),
    )


def speed(batch_size: int, milliseconds: float) -> float:
    """Samples per second at `milliseconds` a request."""
    return 1000.0 * batch_size / milliseconds


def render(timing: Timing, batch_size: int) -> str:
    """The closing lines of a run, with the words and the order of OVMS's client."""

    def both(label: str, speed_label: str, milliseconds: float) -> str:
        fps = speed(batch_size, milliseconds)
        return f"{label}: {milliseconds:.2f} ms; {speed_label}: {fps:.2f} fps"

    lines = (
        f"\nprocessing time for all iterations\n{both('average time', 'average speed', timing.mean)}",
        both("median time", "median speed", timing.median),
        both("max time", "min speed", timing.largest),
        both("min time", "max speed", timing.smallest),
        both("time percentile 90", "speed percentile 90", timing.percentile_90),
        both("time percentile 50", "speed percentile 50", timing.median),
        f"time standard deviation: {timing.deviation:.2f}",
        f"time variance: {timing.variance:.2f}",
    )
    return "\n".join(lines)
