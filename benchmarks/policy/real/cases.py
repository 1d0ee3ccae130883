"""Which traces real servers are given, and how far: as long as a real server needs for a while."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from batchwright_operator.policy.rules import Rules
from batchwright_server.config.plan import Plan
from benchmarks.policy import replay, traces
from benchmarks.policy.profiles import Profile
from benchmarks.policy.replay import Setup
from benchmarks.policy.scripts import Item, Tape
from benchmarks.policy.serving import Limits
from benchmarks.policy.suite import SEED, USUAL

NAMES = ("steady-8", "two-fast", "short", "zipf")  # one size, two in turn, any of 1 to 16, Zipf's
POLICY = "policy"
LOOKS_PER_WINDOW = 20  # as many as the operator takes
COOLDOWN_WINDOWS = 5


@dataclass(frozen=True)
class Case:
    """The very same requests for every plan, in every round."""

    trace: str
    about: str
    model: str
    items: tuple[Item, ...]
    window_seconds: int

    @property
    def rules(self) -> Rules:
        """What the policy keeps to: its usual rules, in windows of this length."""
        window = self.window_seconds
        return Rules(USUAL, window_seconds=window, cooldown_seconds=COOLDOWN_WINDOWS * window)

    @property
    def tick_seconds(self) -> float:
        """Between looks of the policy."""
        return self.window_seconds / LOOKS_PER_WINDOW

    @property
    def clients(self) -> int:
        """How many ask at once at most."""
        return max(item.clients for item in self.items)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The batch sizes that are asked for."""
        return tuple(sorted({item.size for item in self.items}))

    def simulate(self, profile: Profile, name: str, processors: float | None = None) -> replay.Outcome:
        """What the simulator says that a plan, or the policy, costs with these costs.

        `processors` are those that others left it; None: it has the machine to itself.
        """
        setup = Setup(
            profile,
            Limits(),
            SEED,
            calibration_error=0.0,
            tick_seconds=self.tick_seconds,
            processors=processors,
        )
        if name == POLICY:
            return replay.run_policy(setup, Tape(self.items), self.rules)
        return replay.run_fixed(setup, Tape(self.items), Plan.parse(name))


def contestants() -> tuple[str, ...]:
    """Every fixed plan, and the policy."""
    return (*map(str, USUAL), POLICY)


def make(name: str, profile: Profile, window_seconds: int, most_seconds: float) -> Case:
    """The trace for a model, cut so that the simulator serves it within that time by any plan."""
    trace = next(each for each in traces.TRACES if each.name == name)
    dice = random.Random(SEED)  # noqa: S311  traffic, no secret
    reference = traces.Reference(profile, USUAL)
    items = tuple(traces.to_items(reference, trace.phases(dice), window_seconds))
    case = Case(name, trace.about, profile.name, items, window_seconds)
    return _cut(case, profile, most_seconds)


def _cut(case: Case, profile: Profile, most_seconds: float) -> Case:
    """As many of the first requests as fit, found by halving."""
    low, high = 0, len(case.items)
    while high - low > 1:
        middle = (low + high) // 2
        shorter = _first(case, middle)
        if dearest(shorter, profile) <= most_seconds:
            low = middle
        else:
            high = middle
    return _first(case, max(low, 1))


def dearest(case: Case, profile: Profile) -> float:
    """The seconds of the case under the plan that is worst for it."""
    return max(case.simulate(profile, str(plan)).total for plan in USUAL)


def _first(case: Case, count: int) -> Case:
    items: Sequence[Item] = case.items[:count]
    return Case(case.trace, case.about, case.model, tuple(items), case.window_seconds)
