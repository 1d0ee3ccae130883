"""A trace served by one plan throughout, or by the plans that the policy chooses."""

import random
from dataclasses import dataclass
from itertools import pairwise

from batchwright_operator.pods.readings import to_scrape
from batchwright_operator.policy.decide import decide
from batchwright_operator.policy.decision import Action, Decision
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.state import ModelState
from batchwright_server.config import signals
from batchwright_server.config.plan import Plan
from benchmarks.policy.profiles import Profile
from benchmarks.policy.scripts import Script
from benchmarks.policy.server import CALIBRATED_SIZES, MODEL, Pod, SimulatedServer, Told
from benchmarks.policy.serving import Limits

TICK_SECONDS = 3.0
LONGEST_SECONDS = 200_000.0  # no trace lasts two days under any plan
NOON = 1_800_014_400.0


@dataclass(frozen=True)
class Setup:
    """All that a run depends on beside its trace and its plan."""

    profile: Profile
    limits: Limits
    seed: int
    noise: float = 0.1  # of each request's cost
    calibration_error: float = 0.03  # of each plan's told costs, as a whole
    tick_seconds: float = TICK_SECONDS  # between looks of the policy
    processors: float | None = None  # that the server really has; None: all that it is told of


@dataclass(frozen=True)
class Move:
    """A decision that changed the plan."""

    at: float
    window: int  # of the script
    plan: str
    reason: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """What a run cost: seconds in which requests were in the server, by the script's windows."""

    windows: tuple[float, ...]
    moves: tuple[Move, ...] = ()
    decisions: int = 0
    work: float = 0.0  # processor seconds, of all threads

    @property
    def total(self) -> float:
        """Of the whole trace."""
        return sum(self.windows)


def run_fixed(setup: Setup, script: Script, plan: Plan) -> Outcome:
    """The trace under one plan."""
    server = _server(setup, script, plan)
    server.run_until(LONGEST_SECONDS)
    return Outcome(_windows(server), work=server.cpu_seconds)


def run_policy(setup: Setup, script: Script, rules: Rules) -> Outcome:
    """The trace under the policy, which starts with the first candidate."""
    server = _server(setup, script, rules.candidates[0])
    state = ModelState.initial(rules.candidates[0], NOON)
    moves: list[Move] = []
    ticks = 0
    while not server.has_ended and server.now < LONGEST_SECONDS:
        server.run_until(server.now + setup.tick_seconds)
        ticks += 1
        scrape = to_scrape(MODEL, {"pod": server.signals()}, 1)
        state, decision = decide(rules, state, scrape, NOON + server.now)
        server.switch(decision.plan)
        if decision.action is not Action.HOLD:
            moves.append(_move(server, decision))
    return Outcome(_windows(server), tuple(moves), ticks, server.cpu_seconds)


def _move(server: SimulatedServer, decision: Decision) -> Move:
    window = len(server.served.busy_at) - 1
    at, plan = round(server.now, 1), str(decision.plan)
    return Move(at, window, plan, decision.reason.value, decision.message)


def _server(setup: Setup, script: Script, plan: Plan) -> SimulatedServer:
    dice = random.Random(setup.seed)  # noqa: S311  noise, no secret
    told = told_by(setup, dice)
    noise = setup.noise
    disturb = lambda: 1 + noise * (2 * dice.random() - 1)  # noqa: E731
    pod = Pod(setup.profile, setup.limits, told, disturb, setup.processors)
    return SimulatedServer(pod, plan, script)


def told_by(setup: Setup, dice: random.Random) -> Told:
    """What the pod's calibration found: the truth at three sizes, each plan's off by some percent."""
    profile, error = setup.profile, setup.calibration_error
    costs = []
    for plan, cost in profile.plans.items():
        factor = 1 + error * (2 * dice.random() - 1)
        points = tuple(
            signals.CostPoint(
                batch_size=size,
                work_seconds=factor * cost.run.work.at(size),
                span_seconds=factor * cost.run.span.at(size),
            )
            for size in CALIBRATED_SIZES
        )
        costs.append(
            signals.PlanCost(
                plan=signals.PlanName.of(plan),
                points=points,
                prepare_seconds=cost.prepare_span,
                source=signals.CostSource.CALIBRATION,
            )
        )
    reload = next(iter(profile.reload.values()))
    size = CALIBRATED_SIZES[-1]
    return Told(
        tuple(costs),
        signals.ReloadCost(work_seconds=reload.work.at(size), span_seconds=reload.span.at(size)),
    )


def _windows(server: SimulatedServer) -> tuple[float, ...]:
    marks = [*server.served.busy_at, server.served.busy_seconds]
    return tuple(later - earlier for earlier, later in pairwise(marks))
