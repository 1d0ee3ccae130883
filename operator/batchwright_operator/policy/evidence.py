"""How sure a saving is: its lower bound over the slices of a window, or over those since a turn.

After a turn of the traffic most of the window is of another kind, and its spread hides what is plain in
the newest slices. Like a CUSUM's, the turn is where the sum of the loss since then is largest.

A loss can be certain long before a window is full. Whether to leave is then no question of what is to
come: what has been lost already would have paid for it (ski rental).
"""

from collections.abc import Sequence
from itertools import accumulate
from math import inf, sqrt
from statistics import stdev
from typing import NamedTuple

# One-sided 95 %: one in twenty bounds lies above the truth, and min_saving and the loss stand behind it.
CONFIDENCE_DEVIATIONS = 1.64
# Fewer slices have no spread to speak of.
FEWEST_SLICES = 3
# A turn is chosen by looking, so it has to show for longer.
FEWEST_TURN_SLICES = 5
# One-sided 99.9 % of Student's t for 3, 4, ... slices, the last for all more: a loss is looked at every
# few seconds, so a bound that one look in twenty gets wrong would be wrong every minute.
CERTAIN_DEVIATIONS = (22.33, 10.21, 7.17, 5.89, 5.21, 4.79, 4.5, 4.3, 4.14)


Numbers = tuple[float, float, int]  # as `Compared`, without its names: there are many


class Compared(NamedTuple):
    """One slice: what it costs under the plan in place, and under the other."""

    present: float
    other: float
    requests: int


class Saving(NamedTuple):  # made for every alternative at every look
    """The share of the present cost that the other plan would save, from slice `first` on."""

    share: float
    lowest: float
    first: int


def assess(slices: Sequence[Numbers], *, min_requests: int) -> Saving:
    """The saving over all slices, or since the turn where that is the surer one."""
    whole = bound(slices, 0)
    first = find_turn(slices)
    recent = slices[first:]
    is_telling = (
        first > 0
        and len(recent) >= FEWEST_TURN_SLICES
        and sum([requests for _, _, requests in recent]) >= min_requests
    )
    since = bound(slices, first) if is_telling else whole
    return since if since.lowest > whole.lowest else whole


def bound(slices: Sequence[Numbers], first: int) -> Saving:
    """The saving from slice `first` on, as a ratio of sums; slices without requests say nothing."""
    parts = [part for part in slices[first:] if part[0] > 0]
    whole = sum([present for present, _, _ in parts])
    if not whole:
        return Saving(0.0, -inf, first)
    share = 1 - sum([other for _, other, _ in parts]) / whole
    count = len(parts)
    if count < FEWEST_SLICES:
        return Saving(share, -inf, first)
    squares = sum([(present - other - share * present) ** 2 for present, other, _ in parts])
    error = sqrt(squares * count / (count - 1)) / whole
    return Saving(share, share - CONFIDENCE_DEVIATIONS * error, first)


def certain_loss(slices: Sequence[Numbers], *, min_requests: int) -> float:
    """What not having the other plan has cost since the turn, at the very least; in the slices' seconds.

    0 where fewer than three slices or too few requests show it.
    """
    parts = [part for part in slices[find_turn(slices) :] if part[0] > 0]
    count = len(parts)
    if count < FEWEST_SLICES or sum([requests for _, _, requests in parts]) < min_requests:
        return 0.0
    losses = [present - other for present, other, _ in parts]
    deviations = CERTAIN_DEVIATIONS[min(count - FEWEST_SLICES, len(CERTAIN_DEVIATIONS) - 1)]
    return max(0.0, sum(losses) - deviations * stdev(losses) * sqrt(count))


def find_turn(slices: Sequence[Numbers]) -> int:
    """From which slice on the loss by not having the other plan adds up to most."""
    lost = list(accumulate([present - other for present, other, _ in reversed(slices)]))
    most = max(lost, default=0.0)
    return len(slices) - 1 - lost.index(most) if most > 0 else 0
