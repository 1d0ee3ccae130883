"""Which few sizes to compile for the batch sizes that come: the least cost, padding included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

# More different sizes are looked at in groups: beyond so many, neighbours differ by hardly any padding.
MOST_SIZES = 64
# A set is as good as a larger one that is this much cheaper: each size is compiled, and kept in memory.
WORTH_A_SIZE = 0.01


@dataclass(frozen=True)
class Choice:
    """Sizes to compile, rising, and what all requests cost when each is padded to the next of them."""

    sizes: tuple[int, ...]
    seconds: float


def choose(
    requests: Mapping[int, int], *, fixed: float, per_sample: float, most: int
) -> tuple[int, ...]:
    """At most `most` sizes for requests by batch size; none without requests.

    An inference takes `fixed` seconds and `per_sample` for each of its samples. The fewest sizes that
    cost hardly more than the best set are taken.
    """
    asked = _grouped({size: count for size, count in requests.items() if count > 0})
    if not asked:
        return ()
    found = cheapest(asked, fixed=fixed, per_sample=per_sample, most=most)
    enough = (1 + WORTH_A_SIZE) * found[-1].seconds
    return next(choice.sizes for choice in found if choice.seconds <= enough)


def cheapest(
    requests: Mapping[int, int], *, fixed: float, per_sample: float, most: int
) -> tuple[Choice, ...]:
    """The cheapest set of exactly 1, 2, ... sizes, up to `most` or as many as were asked for.

    By dynamic programming: the best set with k sizes whose largest is b is the best one with k - 1
    sizes for what is smaller, and b for the rest. A size that nobody asks for is never in a best set,
    since the next smaller one that is asked for pads less.
    """
    sizes = sorted(requests)
    counts = list(accumulate((requests[size] for size in sizes), initial=0))
    prices = [fixed + per_sample * size for size in sizes]
    best = [Choice((size,), counts[at + 1] * prices[at]) for at, size in enumerate(sizes)]
    found = [best[-1]]
    for _ in range(1, min(most, len(sizes))):
        best = [_joined(best, at, sizes, (counts, prices)) for at in range(len(sizes))]
        found.append(best[-1])
    return tuple(found)


def _joined(
    smaller: Sequence[Choice],
    at: int,
    sizes: Sequence[int],
    known: tuple[Sequence[int], Sequence[float]],
) -> Choice:
    """The cheapest set for the sizes up to number `at`: one of `smaller` below it, and that size."""
    counts, prices = known
    if not at:
        return smaller[at]
    up_to, price = counts[at + 1], prices[at]
    ways = [  # floats alone: a decision looks at thousands of ways
        below.seconds + (up_to - counts[last + 1]) * price for last, below in enumerate(smaller[:at])
    ]
    seconds = min(ways)
    return Choice((*smaller[ways.index(seconds)].sizes, sizes[at]), seconds)


def _grouped(requests: Mapping[int, int]) -> dict[int, int]:
    """The requests with neighbouring sizes counted as the largest of them, where there are too many."""
    sizes = sorted(requests)
    step = -(-len(sizes) // MOST_SIZES)
    groups = (sizes[max(0, end - step) : end] for end in range(len(sizes), 0, -step)) if step else ()
    return {group[-1]: sum(requests[size] for size in group) for group in groups}
