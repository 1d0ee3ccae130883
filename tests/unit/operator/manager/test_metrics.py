"""What is exported of the policy's answers."""

from collections.abc import Mapping

import pytest

from batchwright_operator.controller.run import Run
from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.manager.metrics import Metrics
from batchwright_operator.policy.decision import Action, Decision, Reason
from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.resources.status import ModelServerStatus
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server, model_document

BOTH = make_server(model_document("a"), model_document("b"))
ERROR = "batchwright_operator_prediction_error_ratio"
LABELS = {"namespace": "default", "name": "vision"}


def decided(
    predicted: Mapping[str, int],
    action: Action = Action.HOLD,
    reason: Reason = Reason.PREDICTION_CONFIRMED,
) -> Decision:
    return Decision(action, reason, "", DEMULTIPLEX, RELOAD, {}, predicted)


def observe(metrics: Metrics, *decisions: Decision | None) -> None:
    """A run over as many models."""
    models = BOTH.spec.models[: len(decisions)]
    pairs = zip(models, decisions, strict=True)
    tuned = tuple(Tuned(model, RELOAD, None, decision) for model, decision in pairs)
    metrics.observe_run(Run(BOTH, 0.0, Observed(), {}, tuned, ModelServerStatus(), (), 1.0))


def error(metrics: Metrics, model: str) -> float | None:
    return metrics.registry.get_sample_value(ERROR, {**LABELS, "model": model})


def test_rare_answers_are_there_from_the_start() -> None:
    """An increase over the first return is one."""
    metrics = Metrics()
    name = "batchwright_operator_decisions_total"
    for reason in ("PredictionWrong", "PlanRefused"):
        found = metrics.registry.get_sample_value(name, {"action": "Return", "reason": reason})
        assert found == 0.0
    observe(metrics, decided({}, Action.RETURN, Reason.PREDICTION_WRONG), None)
    labels = {"action": "Return", "reason": "PredictionWrong"}
    assert metrics.registry.get_sample_value(name, labels) == 1.0


@pytest.mark.parametrize(
    ("predicted", "reason", "expected"),
    [
        ({"speedupPercent": 200, "measuredSpeedupPercent": 150}, Reason.PREDICTION_MISSED, 0.25),
        ({"speedupPercent": 200, "measuredSpeedupPercent": 300}, Reason.PREDICTION_CONFIRMED, 0.5),
        ({"speedupPercent": 200, "measuredSpeedupPercent": 150}, Reason.TRAFFIC_CHANGED, None),
        ({"speedupPercent": 200}, Reason.ALREADY_BEST, None),
        ({"speedupPercent": 0, "measuredSpeedupPercent": 150}, Reason.PREDICTION_MISSED, None),
        ({}, Reason.NO_TRAFFIC, None),
    ],
)
def test_the_error_of_a_prediction(
    predicted: Mapping[str, int], reason: Reason, expected: float | None
) -> None:
    """How far off it was, where both numbers are known and of the same traffic."""
    metrics = Metrics()
    observe(metrics, decided(predicted, reason=reason), None)
    assert error(metrics, "a") == expected


def test_an_error_stays_until_the_next_check_or_the_end() -> None:
    """Of each model by itself; it goes with the model, or the object."""
    metrics = Metrics()
    checked = decided({"speedupPercent": 200, "measuredSpeedupPercent": 100})
    observe(metrics, checked, checked)
    observe(metrics, decided({"speedupPercent": 120}), None)
    assert (error(metrics, "a"), error(metrics, "b")) == (0.5, 0.5)
    observe(metrics, decided({"speedupPercent": 100, "measuredSpeedupPercent": 100}))
    assert (error(metrics, "a"), error(metrics, "b")) == (0.0, None)
    metrics.forget(BOTH.key)
    assert error(metrics, "a") is None
    assert b'name="vision"' not in metrics.exposition()
