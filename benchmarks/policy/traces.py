"""The traces: what clients ask for in so many windows, made for a model from its costs and a seed.

Windows are counted in the time that the cheapest plan takes for them, so that a trace means the same to
quick models and slow ones. A quick model's clients pause between requests: a few dozen a second are
enough to tell plans apart.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchwright_server.config.plan import Plan, Strategy
from benchmarks.policy.profiles import Profile
from benchmarks.policy.scripts import Adversary, Item, Script, Tape

WINDOW_SECONDS = 60.0
MOST_REQUESTS_PER_SECOND = 25.0

Draw = Callable[[int], int]  # the n-th request of a phase → its batch size


@dataclass(frozen=True)
class Phase:
    """Some windows of one kind of traffic."""

    windows: float
    draw: Draw
    clients: int = 4
    pause: float = 0.0


@dataclass(frozen=True)
class Trace:
    """A kind of traffic over time. `phases` makes it from a source of chance."""

    name: str
    about: str
    phases: Callable[[random.Random], Sequence[Phase]]
    is_steady: bool = False
    is_adversarial: bool = False

    def script(self, profile: Profile, candidates: Sequence[Plan], seed: int) -> Script:
        """The trace for one model."""
        dice = random.Random(seed)  # noqa: S311  traffic, no secret
        phases = self.phases(dice)
        if self.is_adversarial:
            return Adversary(_contrary(Reference(profile, candidates), phases))
        return Tape(to_items(Reference(profile, candidates), phases))


class Reference:
    """What a request costs under the plan that serves it with least, caches warm."""

    def __init__(self, profile: Profile, candidates: Sequence[Plan]) -> None:
        self._runs = [profile.plans[plan].run for plan in candidates if plan in profile.plans]
        self._cores = profile.cores
        self._known: dict[tuple[int, int, float], tuple[float, float]] = {}

    def pace(self, phase: Phase, size: int) -> tuple[float, float]:
        """The client's pause after a request of `size`, and the time until the next one comes."""
        key = (size, phase.clients, phase.pause)
        if key not in self._known:
            self._known[key] = self._pace(phase, size)
        return self._known[key]

    def _pace(self, phase: Phase, size: int) -> tuple[float, float]:
        clients = phase.clients
        busy = min(
            max(run.work.at(size) / self._cores, run.span.at(size) / clients) for run in self._runs
        )
        pause = max(phase.pause, clients / MOST_REQUESTS_PER_SECOND)
        # The pause holds up one client; the others fill the time that it leaves.
        paced = (min(run.span.at(size) for run in self._runs) + pause) / clients
        return (pause, paced) if paced > busy else (0.0, busy)


def to_items(
    reference: Reference, phases: Sequence[Phase], window_seconds: float = WINDOW_SECONDS
) -> Iterator[Item]:
    """The requests of these phases, in order."""
    clock = end = 0.0
    for phase in phases:
        end, number = end + phase.windows * window_seconds, 0
        while clock < end - 1e-9:
            size = phase.draw(number)
            pause, step = reference.pace(phase, size)
            yield Item(size, pause, phase.clients, int(clock / window_seconds))
            number += 1
            clock += step


def _contrary(reference: Reference, phases: Sequence[Phase]) -> Callable[[int, Plan], Item | None]:
    """Of two kinds of traffic the one that the plan in place serves worse.

    The first phase is what other plans than reload serve badly, the second what reload does.
    """
    calm, mixed = phases
    clock = 0.0

    def worst(number: int, plan: Plan) -> Item | None:
        nonlocal clock
        phase = mixed if plan.strategy is Strategy.RELOAD else calm
        if clock >= phase.windows * WINDOW_SECONDS:
            return None
        size = phase.draw(number)
        pause, step = reference.pace(phase, size)
        item = Item(size, pause, phase.clients, int(clock / WINDOW_SECONDS))
        clock += step
        return item

    return worst


def constantly(size: int) -> Draw:
    """Always the same size."""
    return lambda _: size


def alternating(*sizes: int, every: int = 1) -> Draw:
    """Each size for so many requests, in turn."""
    return lambda number: sizes[number // every % len(sizes)]


def uniform(dice: random.Random, most: int) -> Draw:
    """Any size up to `most`, all alike."""
    return lambda _: dice.randint(1, most)


def zipf(dice: random.Random, most: int, exponent: float = 1.2) -> Draw:
    """Small sizes often, large ones seldom: the n-th in proportion to n to the power of -exponent."""
    sizes = range(1, most + 1)
    weights = [size**-exponent for size in sizes]
    return lambda _: dice.choices(sizes, weights)[0]


def mixed(dice: random.Random, weights: Mapping[int, float]) -> Draw:
    """Sizes in these proportions."""
    sizes, shares = list(weights), list(weights.values())
    return lambda _: dice.choices(sizes, shares)[0]


def _bursts(dice: random.Random) -> list[Phase]:
    phases = []
    for _ in range(12):
        phases.append(Phase(dice.uniform(1.5, 3), constantly(4), clients=1, pause=0.5))
        phases.append(Phase(dice.uniform(0.2, 0.8), uniform(dice, 32), clients=8))
    return phases


def _days(dice: random.Random) -> list[Phase]:
    phases = []
    for _ in range(3):
        phases.append(Phase(6, constantly(8), clients=1, pause=2.0))
        phases.append(Phase(8, zipf(dice, 32), clients=6))
    return phases


def _drift(dice: random.Random) -> list[Phase]:
    """From one size to all of sixteen, a little more every window."""
    phases = []
    for step in range(30):
        share = step / 29
        weights = {8: 1 - share, **{size: share / 16 for size in range(1, 17) if size != 8}}
        phases.append(Phase(1, mixed(dice, weights)))
    return phases


TRACES = (
    Trace("steady-1", "batch size 1", lambda _: [Phase(25, constantly(1))], is_steady=True),
    Trace("steady-8", "batch size 8", lambda _: [Phase(25, constantly(8))], is_steady=True),
    Trace(
        "slow",
        "4 and 16 in turn, two windows each",
        lambda _: [Phase(2, constantly(size)) for size in [4, 16] * 8],
    ),
    Trace(
        "fast",
        "six sizes in turn, another with each request",
        lambda _: [Phase(25, alternating(1, 2, 4, 8, 12, 16))],
        is_steady=True,
    ),
    Trace(
        "two-fast",
        "4 and 16 in turn, another with each request",
        lambda _: [Phase(25, alternating(4, 16))],
        is_steady=True,
    ),
    Trace("uniform", "any of 1 to 64", lambda dice: [Phase(25, uniform(dice, 64))], is_steady=True),
    Trace(
        "zipf",
        "1 to 64, small ones most often",
        lambda dice: [Phase(25, zipf(dice, 64))],
        is_steady=True,
    ),
    Trace(
        "short",
        "any of 1 to 16, ten windows long",
        lambda dice: [Phase(10, uniform(dice, 16))],
        is_steady=True,
    ),
    Trace("bursts", "size 4 now and then, bursts of any of 1 to 32", _bursts),
    Trace("days", "busy and mixed by day, one client by night", _days),
    Trace(
        "visitor",
        "size 8, and for one window a second client with odd sizes",
        lambda dice: [
            Phase(14, constantly(8)),
            Phase(1, mixed(dice, {8: 1, 3: 0.2, 5: 0.2, 7: 0.2, 11: 0.2, 13: 0.2})),
            Phase(14, constantly(8)),
        ],
    ),
    Trace("drift", "from size 8 to any of 1 to 16, slowly", _drift),
    Trace(
        "adversary",
        "always what the plan in place serves worse",
        lambda dice: [Phase(40, constantly(8)), Phase(40, alternating(*range(1, 17)))],
        is_adversarial=True,
    ),
    Trace(
        "idle", "a request every 20 s", lambda _: [Phase(120, alternating(1, 8), clients=1, pause=20.0)]
    ),
)
