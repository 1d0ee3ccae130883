"""The policy on simulated servers with the costs of real models: a few of the benchmark's traces."""

import pytest

from benchmarks.policy import evaluation, optimum, report, suite
from benchmarks.policy.evaluation import Case
from tests.unit.operator.policy.samples import DEMULTIPLEX, RELOAD

# Not `short` for the tiny model: a reload of it costs eighty requests, so the half window that any
# evidence takes is four times what ten windows cost under the best plan.
CASES = [
    case
    for case in suite.cases()
    if case.seed == suite.SEED
    and (case.trace.name, case.profile.name)
    in {("short", "resnet50-int8"), ("short", "deep"), ("steady-1", "tiny"), ("steady-1", "deep")}
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.trace.name}-{case.profile.name}")
def test_the_policy_is_close_to_the_best_plan_in_hindsight(case: Case) -> None:
    """Within 5 % of the best fixed plan on traces longer than 20 windows, 10 % on ten, few switches."""
    result = evaluation.evaluate(case)
    assert report.misses(result) == []


def test_the_optimum_pays_for_its_switches() -> None:
    """It follows the traffic where that is worth a switch, and stays where it is not."""
    costs = {RELOAD: [1.0, 1.0, 9.0, 9.0], DEMULTIPLEX: [2.0, 2.0, 2.0, 2.0]}
    cheap = optimum.best_path(costs, {RELOAD: 1.0, DEMULTIPLEX: 1.0})
    assert (cheap.cost, cheap.plans) == (7.0, (RELOAD, RELOAD, DEMULTIPLEX, DEMULTIPLEX))
    dear = optimum.best_path(costs, {RELOAD: 5.0, DEMULTIPLEX: 5.0})
    assert (dear.cost, dear.plans) == (8.0, (DEMULTIPLEX,) * 4)
