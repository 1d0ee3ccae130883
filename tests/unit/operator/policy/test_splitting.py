"""Reload with `onMiss: Split`, predicted as what it is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import costs
from batchwright_operator.policy.prediction import Predictor
from batchwright_operator.policy.readings import CostPoint
from batchwright_operator.policy.rules import Objective
from batchwright_operator.policy.traffic import Traffic
from tests.unit.operator.policy.samples import (
    DEMULTIPLEX,
    RELOAD,
    RELOAD_PLAN,
    RULES,
    Desk,
    Pod,
    mixed_on_reload,
)

REQUESTS = st.dictionaries(st.integers(1, 64), st.integers(1, 50), min_size=1, max_size=12)
KNOWN = costs.gather([Pod().reading()])


def predictor_of(requests: dict[int, int], misses: int, *, entries: int) -> Predictor:
    """What ten seconds on two cores predict, seen while demultiplex serves."""
    change = Traffic(10, requests, 40, 0, 0.0, misses, 20, 20)
    return Predictor(KNOWN, DEMULTIPLEX, Objective.THROUGHPUT, {"pod-0": change}, entries)


@given(REQUESTS, st.integers(0, 200), st.integers(1, 8))
def test_nobody_waits_for_a_reload_that_runs_beside(
    requests: dict[int, int], misses: int, entries: int
) -> None:
    """No limit is a reload's; and no miss takes requests more than a reload, or than its own pieces."""
    waits, splits = (predictor_of(requests, misses, entries=it) for it in (0, entries))
    change = splits.window["pod-0"]
    bound = max(requests) * 0.012  # as single samples: no cover of the cheapest is dearer
    wait, split = (it.demand(change, RELOAD) for it in (waits, splits))
    inference = splits.inference(change, RELOAD)
    assert split.serial == pytest.approx(inference.span)
    assert split.span <= wait.span + misses * bound + 1e-9
    assert splits.demand(change, DEMULTIPLEX) == waits.demand(change, DEMULTIPLEX)


def test_a_miss_that_lasts_costs_a_reload_and_one_that_does_not_its_pieces() -> None:
    """Sizes that each come once are split for little; one that stays is paid for like a reload."""
    rare = predictor_of(dict.fromkeys(range(1, 17), 4), 64, entries=4)
    change = rare.window["pod-0"]
    each = (rare.demand(change, RELOAD).span - rare.inference(change, RELOAD).span) / 64
    assert 0 < each < 0.1
    lasting = predictor_of({8: 1000, 4: 1000}, 2, entries=4)
    change = lasting.window["pod-0"]
    paid = lasting.demand(change, RELOAD).span - lasting.inference(change, RELOAD).span
    assert paid == pytest.approx(2 * 0.210)


def test_what_waiting_would_make_dear_splitting_keeps() -> None:
    """The same traffic has the policy leave a reload that is waited for, and keep one that splits."""
    points = tuple(it._replace(work_seconds=1.3 * it.work_seconds) for it in RELOAD_PLAN.points)
    dearer = replace(RELOAD_PLAN, plan=DEMULTIPLEX, points=tuple(map(_with_span, points)))
    chosen = []
    for entries in (0, 4):
        desk = Desk(rules=replace(RULES, split_entries=entries))
        desk.serve(Pod(costs=(RELOAD_PLAN, dearer)), 40, mixed_on_reload)
        chosen.append(desk.state.plan)
    assert chosen == [DEMULTIPLEX, RELOAD]


def _with_span(point: CostPoint) -> CostPoint:
    return point._replace(span_seconds=1.3 * point.span_seconds)
