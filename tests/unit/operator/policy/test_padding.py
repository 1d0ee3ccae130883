"""What buckets make of requests."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import costs
from batchwright_operator.policy.padding import Padding, Runs
from batchwright_operator.policy.prediction import Predictor
from batchwright_operator.policy.readings import CostPoint, PlanCost
from batchwright_operator.policy.rules import Objective, Rules
from batchwright_operator.policy.traffic import Traffic
from batchwright_server.config.plan import Plan, Strategy
from tests.unit.operator.policy.samples import RELOAD, RELOAD_PLAN, Desk, Pod, mixed_on_reload

BUCKETS = Plan.of(Strategy.BUCKETS)
SIZES = st.lists(st.integers(1, 64), min_size=1, max_size=5, unique=True).map(tuple)
# 10 ms for an inference and 10 ms for each of its samples.
BUCKETS_PLAN = PlanCost(
    BUCKETS, tuple(CostPoint(b, 0.01 + 0.01 * b, 0.01 + 0.01 * b) for b in (4, 16)), 0.5
)


@pytest.mark.parametrize(
    ("size", "runs"),
    [(3, Runs(1, 4)), (4, Runs(1, 4)), (5, Runs(2, 8)), (15, Runs(1, 16)), (36, Runs(3, 36))],
)
def test_requests_are_covered_with_least_cost(size: int, runs: Runs) -> None:
    """Padded to the next size, put together from smaller ones, or split over the largest."""
    assert Padding((4, 16), fixed=1.0, per_sample=1.0).runs({size: 1}) == runs


@given(SIZES, st.integers(1, 300), st.floats(0, 5), st.floats(0.01, 5))
def test_a_cover_has_room_and_no_size_can_be_left_out(
    sizes: tuple[int, ...], asked: int, fixed: float, per_sample: float
) -> None:
    """All samples fit, and the padding is less than one inference of the largest size."""
    runs = Padding(sizes, fixed, per_sample).runs({asked: 1})
    assert asked <= runs.samples < asked + max(sizes)
    assert runs.inferences <= runs.samples


@given(SIZES, st.dictionaries(st.integers(1, 200), st.integers(1, 9), max_size=5))
def test_requests_add_up(sizes: tuple[int, ...], requests: dict[int, int]) -> None:
    """Many requests are the sum of each of them."""
    padding = Padding(sizes, 1.0, 1.0)
    each = [padding.runs({size: 1}) for size, count in requests.items() for _ in range(count)]
    whole = Runs(sum(it.inferences for it in each), sum(it.samples for it in each))
    assert padding.runs(requests) == whole


def test_padding_is_paid_for() -> None:
    """Requests of three samples cost buckets of four what those of four do."""
    known = costs.gather([Pod(costs=(BUCKETS_PLAN,)).reading()], (4, 16))
    three, four = (
        Predictor(known, BUCKETS, Objective.THROUGHPUT, {"pod-0": change}).demand(change, BUCKETS)
        for change in (Traffic(10, {size: 50}, 40, 0, 0, 0, 20, 20) for size in (3, 4))
    )
    assert three == four
    assert three.work == pytest.approx(50 * 0.05)


def test_what_traffic_shows_of_other_sizes_does_not_bend_the_line() -> None:
    """A request of five samples that runs as eight says nothing of a size of five."""
    bent = replace(BUCKETS_PLAN, points=(*BUCKETS_PLAN.points, CostPoint(5, 0.10, 0.10)))
    known = costs.gather([Pod(costs=(bent,)).reading()], (4, 16))
    assert known.plans[BUCKETS].work.at(16) == pytest.approx(0.17)


def test_buckets_are_chosen_where_they_are_the_cheapest() -> None:
    """Mixed sizes that reload with every request are padded instead."""
    cheap = replace(
        BUCKETS_PLAN, points=(CostPoint(4, 0.08, 0.08), CostPoint(16, 0.31, 0.31)), prepare_seconds=0.4
    )
    desk = Desk(rules=Rules(candidates=(RELOAD, BUCKETS), bucket_sizes=(4, 16)))
    desk.serve(Pod(costs=(RELOAD_PLAN, cheap)), 30, mixed_on_reload)
    assert [move.plan for move in desk.moves] == [BUCKETS]
