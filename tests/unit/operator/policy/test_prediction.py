"""What traffic would cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import costs
from batchwright_operator.policy.prediction import Predictor
from batchwright_operator.policy.rules import Objective
from batchwright_operator.policy.traffic import Traffic
from tests.unit.operator.policy.samples import DEMULTIPLEX, RELOAD, Pod

COSTS = costs.gather([Pod().reading()])


def predictor_of(
    change: Traffic, objective: Objective = Objective.THROUGHPUT, known: costs.Costs = COSTS
) -> Predictor:
    """What reload's traffic on one pod predicts."""
    return Predictor(known, RELOAD, objective, {"pod-0": change})


def traffic_of(requests: dict[int, int], *, concurrency: float, reloads: int = 0) -> Traffic:
    """Ten seconds on two cores."""
    return Traffic(10, requests, 10 * concurrency, reloads, 0.21 * reloads, reloads, 20, 20)


def test_one_client_is_bound_by_the_span() -> None:
    """A client that waits for each answer gets one span after the other."""
    predictor = predictor_of(traffic_of({1: 100}, concurrency=1))
    assert predictor.samples_per_second(RELOAD) == pytest.approx(1 / 0.012)
    assert predictor.samples_per_second(DEMULTIPLEX) == pytest.approx(1 / 0.021)


def test_many_clients_are_bound_by_the_cores() -> None:
    """With enough clients the work, shared by the cores, decides."""
    predictor = predictor_of(traffic_of({8: 100}, concurrency=4))
    assert predictor.samples_per_second(RELOAD) == pytest.approx(2 * 8 / 0.182)
    assert predictor.samples_per_second(DEMULTIPLEX) == pytest.approx(2 * 8 / 0.172, rel=0.01)


def test_compilations_wait_for_one_another() -> None:
    """However many cores and clients there are, one reload runs at a time."""
    change = Traffic(10, {1: 48}, 10 * 64, 48, 10, 48, 160, 160)  # sixteen cores
    assert predictor_of(change).samples_per_second(RELOAD) == pytest.approx(1 / 0.210)


def test_reloads_cost_work_under_reload_alone() -> None:
    """The same traffic is free of reloads under another strategy."""
    calm = predictor_of(traffic_of({8: 40}, concurrency=4))
    busy = predictor_of(traffic_of({8: 40}, concurrency=4, reloads=40))
    assert busy.samples_per_second(DEMULTIPLEX) == calm.samples_per_second(DEMULTIPLEX)
    # 0.182 of inference and 0.250 of compiling on two cores are less than 0.216 s: work binds
    assert busy.samples_per_second(RELOAD) == pytest.approx(8 / 0.216)


@given(st.dictionaries(st.integers(1, 64), st.integers(1, 50), min_size=1), st.floats(0.1, 64))
def test_more_reloads_never_predict_more_samples(requests: dict[int, int], concurrency: float) -> None:
    """The frequent-reload rule is the simplest case of the prediction."""
    rates = [
        predictor_of(traffic_of(requests, concurrency=concurrency, reloads=count)).samples_per_second(
            RELOAD
        )
        for count in (0, 1, 10, 100)
    ]
    assert rates == sorted(rates, reverse=True)


def test_a_plan_with_reloads_of_unknown_cost_is_unknown() -> None:
    """Nothing is predicted from a missing number."""
    known = costs.gather([Pod(reload_cost=None).reading()])
    calm = predictor_of(traffic_of({8: 40}, concurrency=4), known=known)
    busy = predictor_of(traffic_of({8: 40}, concurrency=4, reloads=1), known=known)
    assert calm.is_known(RELOAD)
    assert not busy.is_known(RELOAD)
    assert busy.is_known(DEMULTIPLEX)


def test_latency_grows_with_utilisation() -> None:
    """The same requests take longer on a server that has less to spare."""
    means = []
    for count in (1, 20, 60, 100, 120, 200):
        predictor = predictor_of(traffic_of({8: count}, concurrency=4), Objective.LATENCY)
        means.append(predictor.costs_of((predictor.window,), (RELOAD,))[RELOAD][0] / count)
    assert means == sorted(means)
    assert means[0] == pytest.approx(0.092, rel=0.02)


def test_corrections_change_the_prediction() -> None:
    """A plan that proved half as fast is predicted half as fast."""
    change = traffic_of({8: 100}, concurrency=4)
    taught = predictor_of(change, known=COSTS.corrected({DEMULTIPLEX: 2.0}))
    plain = predictor_of(change)
    assert 2 * taught.samples_per_second(DEMULTIPLEX) == plain.samples_per_second(DEMULTIPLEX)
