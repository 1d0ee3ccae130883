"""Promises that hold for all traffic, told in any order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_operator.policy.canary import Trial
from batchwright_operator.policy.decide import decide
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.policy.readings import PlanCost, Reading, Scrape
from batchwright_operator.policy.rules import Mode, Objective, Rules
from batchwright_operator.policy.state import ModelState
from batchwright_server.config.plan import Plan, Strategy, Streams
from tests.unit.operator.policy.samples import (
    DEMULTIPLEX_PLAN,
    NOON,
    RELOAD,
    RELOAD_PLAN,
    Pod,
    scaled,
)

PLANS = [Plan(strategy, streams) for strategy in Strategy for streams in Streams]


@dataclass(frozen=True)
class Tick:
    """What one pod went through before a scrape."""

    seconds: float
    requests: dict[int, int]
    reloads: int
    concurrency: float
    is_restarted: bool
    is_missing: bool


TICKS = st.builds(
    Tick,
    seconds=st.floats(1, 8),
    requests=st.dictionaries(st.integers(1, 32), st.integers(1, 20), min_size=1, max_size=4),
    reloads=st.integers(0, 30),
    concurrency=st.floats(0, 16),
    is_restarted=st.sampled_from([*[False] * 19, True]),
    is_missing=st.sampled_from([*[False] * 19, True]),
)
# Mostly with the plan that serves at the start, so that traffic decides and not the list.
CANDIDATES = st.lists(st.sampled_from(PLANS), min_size=1, max_size=3).map(tuple) | st.lists(
    st.sampled_from(PLANS), min_size=2, max_size=4, unique=True
).map(lambda plans: (*plans, RELOAD))
RULES = st.builds(
    Rules,
    candidates=CANDIDATES,
    mode=st.sampled_from([*[Mode.ENFORCE] * 4, Mode.OBSERVE, Mode.PAUSED]),
    objective=st.sampled_from(Objective),
    window_seconds=st.sampled_from([12, 30]),
    cooldown_seconds=st.sampled_from([0, 30, 300]),
    min_requests=st.sampled_from([1, 30]),
)
FACTORS = st.sampled_from([0.2, 1.0, 3.0])


@st.composite
def stories(draw: st.DrawFn) -> tuple[Rules, list[list[Tick]], tuple[float, float]]:
    """Rules, some ticks of one to three pods, and how dear the two plans are."""
    pods = draw(st.integers(1, 3))
    ticks = draw(st.lists(st.lists(TICKS, min_size=pods, max_size=pods), min_size=8, max_size=16))
    return draw(RULES), ticks, (draw(FACTORS), draw(FACTORS))


def costs_of(factors: tuple[float, float]) -> tuple[PlanCost, ...]:
    """Every plan's costs."""
    return tuple(
        replace(scaled(RELOAD_PLAN if number % 2 else DEMULTIPLEX_PLAN, factors[number % 2]), plan=plan)
        for number, plan in enumerate(PLANS)
    )


def scrapes_of(ticks: Sequence[Sequence[Tick]], pods: list[Pod]) -> list[list[Pod]]:
    """What the pods say after each tick, on whatever plan."""
    story = []
    for number, tick in enumerate(ticks):
        for place, change in enumerate(tick):
            if change.is_restarted:
                pods[place] = replace(
                    Pod(name=pods[place].name, costs=pods[place].costs),
                    process=f"process-{number}-{place}",
                )
            pods[place] = pods[place].after(
                change.seconds, change.requests, reloads=change.reloads, concurrency=change.concurrency
            )
        story.append([pod for pod, change in zip(pods, tick, strict=True) if not change.is_missing])
    return story


def plan_on(pod: Pod, state: ModelState) -> Plan:
    """What the pod is to serve with."""
    canary = state.canary
    return canary.plan if canary is not None and canary.pod == pod.name else state.plan


def told(
    story: tuple[Rules, list[list[Tick]], tuple[float, float]], shuffle: st.DataObject | None = None
) -> list[tuple[Scrape, ModelState, Decision]]:
    """All decisions of a story, the pods taking every plan at once, also one that a pod is to try."""
    rules, ticks, factors = story
    pods = [Pod(name=f"pod-{number}", costs=costs_of(factors)) for number in range(len(ticks[0]))]
    state, now = ModelState.initial(RELOAD, NOON), NOON
    decisions = []
    for tick, answers in zip(ticks, scrapes_of(ticks, pods), strict=True):
        now += max(change.seconds for change in tick)
        readings: list[Reading] = [replace(pod, plan=plan_on(pod, state)).reading() for pod in answers]
        if shuffle is not None and readings:
            again = shuffle.draw(st.lists(st.sampled_from(range(len(readings)))))
            readings = shuffle.draw(st.permutations([*readings, *(readings[it] for it in again)]))
        scrape = Scrape(tuple(readings), len(tick))
        state, decision = decide(rules, state, scrape, now)
        decisions.append((scrape, state, decision))
    return decisions


@given(stories(), st.data())
@settings(max_examples=25)
def test_order_and_duplicates_of_readings_change_nothing(
    story: tuple[Rules, list[list[Tick]], tuple[float, float]], data: st.DataObject
) -> None:
    """A decision depends on what was said, not on who spoke first or twice."""
    plain, mixed = told(story), told(story, data)
    assert [(state, decision) for _, state, decision in plain] == [
        (state, decision) for _, state, decision in mixed
    ]


@given(stories())
@settings(max_examples=60)
def test_every_switch_is_allowed_and_has_its_reasons(
    story: tuple[Rules, list[list[Tick]], tuple[float, float]],
) -> None:
    """No plan outside the candidates, none by Fixed's cheapness, none from too few requests."""
    rules = story[0]
    for _, state, decision in told(story):
        assert state.plan == decision.plan
        is_still = decision.action in (Action.HOLD, Action.TRY)
        assert is_still == (decision.plan == decision.previous)
        assert (state.canary is None) or rules.mode is Mode.ENFORCE
        if is_still:
            continue
        assert decision.plan in rules.candidates
        assert rules.mode is not Mode.PAUSED
        if decision.reason is Reason.CHEAPER_PLAN and len(story[1][0]) == 1:
            assert rules.mode is Mode.ENFORCE
            assert decision.plan.strategy is not Strategy.FIXED
            assert state.check is not None
            is_half_full = decision.observed["windowSeconds"] >= rules.window_seconds / 2
            assert is_half_full or decision.predicted["speedupPercent"] >= 150
            minutes = decision.observed["windowSeconds"] / 60
            assert decision.observed["requestsPerMinute"] * minutes >= 0.9 * rules.min_requests


@given(stories())
@settings(max_examples=25)
def test_every_decision_is_fit_for_a_status(
    story: tuple[Rules, list[list[Tick]], tuple[float, float]],
) -> None:
    """One sentence, whole numbers, and a state that can be read back."""
    for _, state, decision in told(story):
        assert decision.message.endswith(".")
        assert "\n" not in decision.message
        assert all(type(value) is int for value in {**decision.observed, **decision.predicted}.values())
        restored = ModelState.from_status(state.to_status())
        canary = state.canary and replace(state.canary, seen_at=None, trial=Trial())
        assert restored == replace(state, history=type(state.history)(), canary=canary)
