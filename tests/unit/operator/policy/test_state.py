"""What is remembered, and how it is persisted."""

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from batchwright_operator.policy.costs import Gathered
from batchwright_operator.policy.history import History
from batchwright_operator.policy.memory import (
    CORRECTION_PERMILLE,
    MOST_FAILURES,
    Burden,
    Correction,
    Failure,
)
from batchwright_operator.policy.pending import Basis, Gains, Measured, PendingCheck
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.state import MOST_FLAPS, ModelState
from batchwright_server.config.plan import Plan, Strategy, Streams
from tests.unit.operator.policy.samples import DEMULTIPLEX, NOON, RELOAD, RULES

PLANS = st.builds(Plan, st.sampled_from(Strategy), st.sampled_from(Streams))
COUNTS = st.integers(0, 2**53)
MEASURED = st.builds(Measured, *[COUNTS] * 6, st.booleans())
CHECKS = st.builds(
    PendingCheck,
    previous=PLANS,
    before=MEASURED,
    predicted=st.builds(Gains, COUNTS, COUNTS, COUNTS),
    basis=st.sampled_from(Basis),
    is_rate_telling=st.booleans(),
    saving_permille=st.integers(-1000, 1000),
    bore_micros=COUNTS,
    settled_at=st.none() | COUNTS,
)


def _plan_of(known: Burden) -> Plan:
    return known.plan


FAILURES = st.builds(
    Failure, PLANS, st.integers(1, MOST_FAILURES), COUNTS, st.integers(0, 1000), st.text(max_size=20)
)
CORRECTIONS = st.builds(Correction, PLANS, st.integers(*CORRECTION_PERMILLE), COUNTS)
STATES = st.builds(
    ModelState,
    plan=PLANS,
    since=COUNTS,
    previous=st.none() | PLANS,
    flaps=st.integers(0, MOST_FLAPS),
    because=st.text(max_size=80),
    losses=st.dictionaries(PLANS, COUNTS, max_size=3),
    tolls=st.dictionaries(PLANS, COUNTS, max_size=3),
    burdens=st.lists(st.builds(Burden, PLANS, COUNTS, COUNTS), max_size=3, unique_by=_plan_of).map(
        tuple
    ),
    failures=st.lists(FAILURES, max_size=3).map(tuple),
    corrections=st.lists(CORRECTIONS, max_size=3).map(tuple),
    check=st.none() | CHECKS,
    history=st.just(History()),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def has_no_floats(value: object) -> bool:
    """Whether a document holds only what a status may."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and has_no_floats(item) for key, item in value.items())
    if isinstance(value, list):
        return all(has_no_floats(item) for item in value)
    return isinstance(value, str | int)


@given(STATES)
def test_a_state_survives_the_status(state: ModelState) -> None:
    """A restart of the operator loses nothing but the window."""
    document = json.loads(json.dumps(state.to_status()))
    assert has_no_floats(document)
    assert ModelState.from_status(document) == state


@given(STATES, JSON)
def test_unknown_keys_are_passed_over(state: ModelState, value: object) -> None:
    """A newer release may add keys and be rolled back."""
    assert ModelState.from_status({**state.to_status(), "somethingNewer": value}) == state


@given(STATES, JSON, st.data())
def test_a_broken_document_gives_none(state: ModelState, value: object, data: st.DataObject) -> None:
    """Whatever stands in a status, it is read as a state or not at all."""
    document = state.to_status()
    key = data.draw(st.sampled_from(sorted(document)))
    found = ModelState.from_status({**document, key: value})
    assert found is None or isinstance(found, ModelState)
    assert ModelState.from_status(value) is None


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"plan": "magic/one"}, {"since": "noon"}, {"since": True}]
)
def test_an_unreadable_field_makes_the_state_unreadable(change: dict[str, object]) -> None:
    """Half a memory is none."""
    assert ModelState.from_status({**ModelState.initial(RELOAD, NOON).to_status(), **change}) is None


def test_a_quick_reversal_doubles_the_cool_down_and_quiet_time_halves_it() -> None:
    """A model that flaps is left alone for longer and longer, until it has been quiet."""
    state, now, lengths = ModelState.initial(RELOAD, NOON), NOON, []
    for plan in [DEMULTIPLEX, RELOAD] * 5:
        now += state.cooldown_seconds(RULES) + 1
        state = state.switched(plan, rules=RULES, now=now, because="")
        lengths.append(state.cooldown_seconds(RULES))
    assert lengths == [300 * 2 ** min(step, MOST_FLAPS) for step in range(10)]
    calm = state.switched(DEMULTIPLEX, rules=RULES, now=now + 9 * lengths[-1], because="")
    assert calm.cooldown_seconds(RULES) == lengths[-1] / 4


def test_a_cool_down_needs_a_switch() -> None:
    """A model that has just been created may be tuned at once."""
    state = ModelState.initial(RELOAD, NOON)
    assert not state.is_cooling(RULES, NOON + 1)
    switched = state.switched(DEMULTIPLEX, rules=RULES, now=NOON + 1, because="")
    assert switched.is_cooling(RULES, NOON + 300)
    assert not switched.is_cooling(RULES, NOON + 302)


def test_a_clock_that_went_back_does_not_freeze_the_model() -> None:
    """Nothing began in the future, so no cool-down lasts longer than its length."""
    state = ModelState.initial(RELOAD, NOON).switched(DEMULTIPLEX, rules=RULES, now=NOON, because="")
    early = state.not_after(NOON - 86_400)
    assert not early.is_cooling(RULES, NOON - 86_400 + 301)
    assert state.not_after(NOON + 5) == state


def test_a_switch_forgets_the_window_and_the_losses() -> None:
    """Numbers of two plans never mix."""
    state = replace(ModelState.initial(RELOAD, NOON), losses={DEMULTIPLEX: 5}, history=History(at=NOON))
    switched = state.switched(DEMULTIPLEX, rules=RULES, now=NOON, because="numbers")
    assert (switched.losses, switched.history, switched.previous) == ({}, History(), RELOAD)


def test_rules_out_of_range_are_refused() -> None:
    """A mistake is told by the field's name, with what was expected."""
    with pytest.raises(ValueError, match="window_seconds: expected at least 1, got 0"):
        replace(RULES, window_seconds=0)
    with pytest.raises(ValueError, match="min_requests: expected at least 1, got -1"):
        replace(RULES, min_requests=-1)


def test_rules_need_a_candidate() -> None:
    """Without a plan allowed there is nothing to serve with."""
    with pytest.raises(ValueError, match="candidates: expected at least one"):
        Rules(candidates=())


@given(STATES, PLANS)
def test_no_plan_is_blamed_for_what_others_had_to_earn(state: ModelState, plan: Plan) -> None:
    """Whatever it is left for, it bears what one other plan would have saved beyond its own burden."""
    state = replace(
        state, previous=None, burdens=tuple(it for it in state.burdens if it.plan != state.plan)
    )
    left = state.switched(plan, rules=RULES, now=NOON, because="")
    saved = [loss / 1e6 - state.burden_seconds(it, NOON) for it, loss in state.tolls.items()]
    assert left.burden_seconds(state.plan, NOON) == pytest.approx(
        max(0.0, *saved, 0.0), abs=1e-5, rel=1e-6
    )
    assert all(
        left.burden_seconds(it.plan, NOON) == state.burden_seconds(it.plan, NOON) for it in state.burdens
    )


@given(STATES, PLANS, CHECKS, st.integers(0, 3600))
def test_a_switch_that_is_undone_leaves_no_blame(
    state: ModelState, plan: Plan, check: PendingCheck, seconds: int
) -> None:
    """Blame that rested on a wrong prediction is taken back: the plan bears what it bore before."""
    assume(plan != state.plan)
    before = state.burden_seconds(state.plan, NOON)
    pending = replace(check, previous=state.plan, bore_micros=round(1e6 * before))
    tried = state.switched(plan, rules=RULES, now=NOON, because="", check=pending)
    back = tried.gone_back(rules=RULES, now=NOON + seconds, because="")
    assert (back.plan, back.check) == (state.plan, None)
    assert back.burden_seconds(state.plan, NOON + seconds) == pytest.approx(before, abs=1e-5)


@given(STATES, st.dictionaries(PLANS, COUNTS, max_size=3))
def test_the_quick_ways_to_another_state_change_what_they_say_and_no_more(
    state: ModelState, losses: dict[Plan, int]
) -> None:
    """They give what `replace` gives, and leave the state that they start from as it was."""
    before, history, gathered = replace(state), History(at=NOON), Gathered(source="other")
    seen, lost = state.having_seen(history, gathered), state.having_lost(losses, {})
    assert seen == replace(state, history=history)
    assert seen.gathered is gathered
    assert lost == replace(state, losses=losses, tolls={})
    assert state == before
