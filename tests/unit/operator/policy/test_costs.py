"""Lines through measured points."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import costs
from batchwright_operator.policy.readings import CostPoint, PlanCost, ReloadCost
from batchwright_server.config.plan import Plan, Strategy
from tests.unit.operator.policy.samples import DEMULTIPLEX, RELOAD, RELOAD_PLAN, Pod, scaled

SIZES = st.lists(st.integers(1, 256), min_size=2, max_size=6, unique=True)
SECONDS = st.floats(0, 10, allow_subnormal=False)


@given(SIZES, SECONDS, SECONDS)
def test_a_true_line_is_found(sizes: list[int], fixed: float, each: float) -> None:
    """Points on a line give that line."""
    line = costs.fit([(size, fixed + each * size) for size in sizes])
    for size in sizes:
        assert line.at(size) == pytest.approx(fixed + each * size, abs=1e-6)


@given(st.lists(st.tuples(st.integers(1, 256), SECONDS), min_size=1, max_size=6))
def test_no_part_of_a_line_is_negative(points: list[tuple[int, float]]) -> None:
    """No batch size is ever predicted to take less than no time."""
    line = costs.fit(points)
    assert line.fixed >= 0
    assert line.per_sample >= 0


def test_one_batch_size_gives_a_line_through_the_origin() -> None:
    """Where only one size was measured, every sample costs the same."""
    line = costs.fit([(4, 0.2), (4, 0.4)])
    assert line.fixed == 0
    assert line.at(8) == pytest.approx(0.6)


def test_no_points_are_an_error() -> None:
    """A line out of nothing is refused."""
    with pytest.raises(ValueError, match="expected at least one"):
        costs.fit([])


def test_costs_are_the_median_over_the_pods() -> None:
    """One pod with a noisy neighbour does not spoil the numbers."""
    pods = [Pod(costs=(scaled(RELOAD_PLAN, factor),)) for factor in (1.0, 1.1, 9.0)]
    lines = costs.gather(pod.reading() for pod in pods).plans[RELOAD]
    assert lines.work.at(8) == pytest.approx(0.182 * 1.1)
    assert lines.span.at(1) == pytest.approx(0.012 * 1.1)


def test_a_plan_without_points_is_unknown() -> None:
    """A candidate that was not measured in time has no cost, not a cost of zero."""
    empty = PlanCost(DEMULTIPLEX, (), 0.1)
    broken = PlanCost(RELOAD, (CostPoint(1, 0.0, 0.0),), 0.1)
    assert costs.gather([Pod(costs=(empty, broken)).reading()]).plans == {}


def test_without_calibration_traffic_tells_what_a_reload_takes() -> None:
    """The reloads that happened have a duration."""
    pod = Pod(reload_cost=None)
    assert costs.gather([pod.reading()]).reload is None
    served = replace(pod, costs=()).after(10, {8: 4}, reloads=4)
    assert costs.gather([served.reading()]).reload == ReloadCost(0.21, 0.21)


def test_corrections_multiply_the_costs_of_their_plan_alone() -> None:
    """What a check taught of one plan says nothing of another."""
    known = costs.gather([Pod().reading()]).corrected({DEMULTIPLEX: 1.5})
    assert known.plans[DEMULTIPLEX].factor == 1.5
    assert known.plans[RELOAD].factor == 1.0


@given(
    st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=3),
    st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=3),
    st.sampled_from([None, ReloadCost(0.2, 0.1), ReloadCost(0.4, 0.1)]),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.sampled_from([(), (1, 4), (1, 8)]),
)
def test_what_was_gathered_before_changes_nothing(
    before: list[float],
    after: list[float],
    reload_cost: ReloadCost | None,
    reloads: tuple[int, int],
    sizes: tuple[int, ...],
) -> None:
    """Costs that are kept while pods repeat themselves are the costs that they tell."""
    buckets = replace(RELOAD_PLAN, plan=Plan.of(Strategy.BUCKETS))
    first, then = (
        [
            Pod(costs=(scaled(RELOAD_PLAN, it), scaled(buckets, it)), reload_cost=cost)
            .after(3, {}, reloads=count)
            .reading()
            for it in factors
        ]
        for factors, cost, count in [(before, None, reloads[0]), (after, reload_cost, reloads[1])]
    )
    known = costs.Gathered().renewed(first, (1, 4))
    assert known.renewed(then, sizes).costs == costs.gather(then, sizes)
    assert known.renewed(list(first), (1, 4)) is known
