"""Traces that nothing was tuned on: other sizes, other rhythms, other seeds."""

import random

from benchmarks.policy.traces import Phase, Trace, alternating, constantly, mixed, uniform, zipf


def _shifts(dice: random.Random) -> list[Phase]:
    """Phases of one to five windows, each of another kind."""
    kinds = (constantly(5), uniform(dice, 24), alternating(2, 32), zipf(dice, 48), constantly(32))
    return [Phase(dice.uniform(1, 5), dice.choice(kinds), clients=dice.randint(2, 8)) for _ in range(12)]


def _weekend(dice: random.Random) -> list[Phase]:
    """Busy days of two sizes, then two of nothing but a probe."""
    days = [Phase(4, mixed(dice, {1: 3, 10: 1})) for _ in range(5)]
    return [*days, Phase(6, constantly(1), clients=1, pause=15.0), *days[:2]]


TRACES = (
    Trace("one-3", "batch size 3", lambda _: [Phase(25, constantly(3), clients=3)], is_steady=True),
    Trace(
        "four",
        "four sizes in turn, as many as the cache holds",
        lambda _: [Phase(25, alternating(2, 6, 10, 20))],
        is_steady=True,
    ),
    Trace(
        "five",
        "five sizes in turn, one more than the cache holds",
        lambda _: [Phase(25, alternating(2, 6, 10, 20, 31))],
        is_steady=True,
    ),
    Trace(
        "eighty-twenty",
        "mostly size 4, the rest any of 1 to 20",
        lambda dice: [
            Phase(25, mixed(dice, {4: 80, **{size: 1.0 for size in range(1, 21) if size != 4}}))
        ],
        is_steady=True,
    ),
    Trace(
        "crowd",
        "twelve clients, any of 1 to 8",
        lambda dice: [Phase(25, uniform(dice, 8), clients=12)],
        is_steady=True,
    ),
    Trace(
        "alone",
        "one client, any of 1 to 16",
        lambda dice: [Phase(25, uniform(dice, 16), clients=1)],
        is_steady=True,
    ),
    Trace("shifts", "phases of another kind every few windows", _shifts),
    Trace("weekend", "two sizes on weekdays, hardly anything at the weekend", _weekend),
    Trace(
        "adversary-2",
        "always what the plan in place serves worse, with other sizes",
        lambda dice: [Phase(40, constantly(4)), Phase(40, uniform(dice, 32))],
        is_adversarial=True,
    ),
)
