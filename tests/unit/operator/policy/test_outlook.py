"""The numbers of a decision can be reckoned with again, from a status alone."""

import pytest

from batchwright_operator.policy import outlook
from batchwright_operator.policy.decision import Reason
from tests.unit.operator.policy.samples import DEMULTIPLEX, RELOAD, Desk, Pod, mixed_on_reload


def test_a_decision_is_understood_from_its_figures() -> None:
    """From the figures of mixed traffic on reload follows the switch that the policy makes."""
    desk = Desk()
    pod = Pod()
    while not desk.decisions or desk.last.reason is not Reason.CHEAPER_PLAN:
        pod = mixed_on_reload(pod)
        desk.tick(pod)
    found = outlook.parse_outlook(
        desk.last.observed, desk.last.predicted, serving=RELOAD, cores=2, min_saving_percent=5
    )
    assert found is not None
    assert found.choice == DEMULTIPLEX
    speedup = found.cost(RELOAD) / found.cost(DEMULTIPLEX)
    assert speedup == pytest.approx(desk.last.predicted["speedupPercent"] / 100, rel=0.05)


def test_a_histogram_comes_back_in_order() -> None:
    """Shares by size, small sizes first, also where there are two digits."""
    told = {"pods": 1, "batchSize16Permille": 250, "batchSize8Permille": 750}
    assert list(outlook.parse_histogram(told).items()) == [(8, 0.75), (16, 0.25)]


def test_numbers_without_the_plan_in_place_are_none() -> None:
    """A decision without costs gives nothing to reckon with."""
    assert outlook.parse_outlook({}, {}, serving=RELOAD, cores=2, min_saving_percent=5) is None
