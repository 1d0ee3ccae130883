"""When requests are meant to be sent, in open loop: by the clock, whatever answers take."""

import itertools
import math
from collections.abc import Iterable, Iterator
from enum import StrEnum


class Arrivals(StrEnum):
    """How requests of a rate are spread."""

    POISSON = "poisson"  # independent users
    CONSTANT = "constant"  # one clock


def arrive(kind: Arrivals, rate: float, draws: Iterable[float]) -> Iterator[float]:
    """The seconds at which requests are meant to be sent, without end, `rate` in a second.

    `draws`: random numbers from 0 to below 1, one for each request that is independent.
    """
    if kind is Arrivals.CONSTANT:
        return (number / rate for number in itertools.count())
    return itertools.accumulate(-math.log1p(-draw) / rate for draw in draws)
