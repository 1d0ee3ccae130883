"""The policy and a simulated server, in a circle, for half an hour and more of virtual time."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from batchwright_operator.policy.decide import decide
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.policy.readings import PlanCost, Scrape
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.state import ModelState
from batchwright_server.config.plan import Plan
from tests.unit.operator.policy.samples import (
    DEMULTIPLEX,
    DEMULTIPLEX_PLAN,
    EVEN_PLAN,
    NOON,
    RELOAD,
    RELOAD_COST,
    RELOAD_PLAN,
    scaled,
)
from tests.unit.operator.policy.simulated_server import SimulatedServer

RULES = Rules(candidates=(RELOAD, DEMULTIPLEX), window_seconds=20, cooldown_seconds=100)
TICK_SECONDS = 2.0


@dataclass
class Loop:
    """A server, its clients, and the policy that watches them."""

    sizes: Callable[[], int]
    plan: Plan = RELOAD
    true: tuple[PlanCost, ...] = (RELOAD_PLAN, DEMULTIPLEX_PLAN)
    told: tuple[PlanCost, ...] = (RELOAD_PLAN, DEMULTIPLEX_PLAN)
    noise: Callable[[], float] = lambda: 1.0
    moves: list[Decision] = field(default_factory=list)
    reasons: set[Reason] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.state = ModelState.initial(self.plan, NOON)
        self.server = SimulatedServer(
            plan=self.plan,
            next_size=self.sizes,
            clients=4,
            true_costs=self.true,
            told_costs=self.told,
            reload_cost=RELOAD_COST,
            noise=self.noise,
        )

    def run(self, windows: int) -> "Loop":
        """Go on for so many windows."""
        for _ in range(round(windows * RULES.window_seconds / TICK_SECONDS)):
            self.server.run_until(self.server.now + TICK_SECONDS)
            scrape = Scrape((self.server.reading(),), 1)
            self.state, decision = decide(RULES, self.state, scrape, NOON + self.server.now)
            self.server.switch(decision.plan)
            self.reasons.add(decision.reason)
            if decision.action is not Action.HOLD:
                self.moves.append(decision)
        return self

    def rate(self, seconds: float) -> float:
        """Samples per second over the next so many seconds."""
        before = self.server.samples
        self.server.run_until(self.server.now + seconds)
        return (self.server.samples - before) / seconds


def drawn(seed: int, most: int = 16) -> Callable[[], int]:
    """Sizes from 1 to `most`, the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311  traffic, no secret
    return lambda: dice.randint(1, most)


def shaken(seed: int, by: float) -> Callable[[], float]:
    """Factors around 1, the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311  noise, no secret
    return lambda: dice.uniform(1 - by, 1 + by)


@pytest.mark.parametrize("seed", [1, 2])
def test_mixed_traffic_makes_exactly_one_switch(seed: int) -> None:
    """Thirty windows of mixed sizes: to the demultiplexer, twice as fast, and no more."""
    loop = Loop(drawn(seed))
    before = Loop(drawn(seed)).rate(60)
    loop.run(30)
    assert [move.plan for move in loop.moves] == [DEMULTIPLEX]
    assert Reason.PREDICTION_CONFIRMED in loop.reasons
    assert loop.rate(60) > 2 * before


@pytest.mark.parametrize("size", [1, 8])
@pytest.mark.parametrize("plan", [RELOAD, DEMULTIPLEX])
def test_steady_traffic_makes_no_switch(size: int, plan: Plan) -> None:
    """Thirty windows of one size, on two plans that cost the same: nothing moves."""
    even = (RELOAD_PLAN, EVEN_PLAN)
    assert Loop(lambda: size, plan=plan, true=even, told=even).run(30).moves == []


def test_traffic_that_calms_down_goes_back_to_a_cheaper_reload() -> None:
    """There when sizes mix, and back when they no longer do and reload is a fifth cheaper."""
    costs = (scaled(RELOAD_PLAN, 0.8), EVEN_PLAN)
    loop = Loop(drawn(4), true=costs, told=costs).run(15)
    loop.server.next_size = lambda: 8
    loop.run(15)
    assert [move.plan for move in loop.moves] == [DEMULTIPLEX, RELOAD]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("error", [0.85, 1.15])
def test_costs_measured_wrong_cause_no_flapping(seed: int, error: float) -> None:
    """Fifty windows with a calibration wrong by 15 %, and noise of 15 %: at most there and back."""
    true = (RELOAD_PLAN, EVEN_PLAN)
    told = (RELOAD_PLAN, scaled(EVEN_PLAN, error))
    loop = Loop(lambda: 8, true=true, told=told, noise=shaken(seed, 0.15)).run(50)
    assert len(loop.moves) <= 2


@pytest.mark.parametrize("seed", range(2))
def test_a_candidate_that_is_really_slower_is_left_and_not_tried_again_soon(seed: int) -> None:
    """A prediction of a fifth less that turns out a fifth more: there and back once in fifty windows."""
    told = (RELOAD_PLAN, scaled(EVEN_PLAN, 0.8))
    true = (RELOAD_PLAN, scaled(EVEN_PLAN, 1.2))
    loop = Loop(lambda: 8, true=true, told=told, noise=shaken(seed, 0.15)).run(50)
    assert [move.action for move in loop.moves] == [Action.SWITCH, Action.RETURN]
    assert loop.moves[-1].reason is Reason.PREDICTION_WRONG
    assert loop.state.plan == RELOAD


def test_mixed_traffic_is_served_better_in_spite_of_wrong_costs() -> None:
    """Half an inference more or less does not hide a reload with every request."""
    told = (RELOAD_PLAN, scaled(DEMULTIPLEX_PLAN, 1.3))
    loop = Loop(drawn(5), told=told, noise=shaken(5, 0.15)).run(30)
    assert [move.plan for move in loop.moves] == [DEMULTIPLEX]
