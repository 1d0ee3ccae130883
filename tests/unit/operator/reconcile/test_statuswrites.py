"""What is worth a write at once."""

from typing import Any

import pytest

from batchwright_operator.reconcile.statuswrites import is_transition
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus

POLICY = {"version": 1, "plan": "Reload/Throughput", "since": 5, "lossMicros": {"x": 1}, "flaps": 0}
DECISION = {"action": "Hold", "reason": "InBand", "message": "8.1 per s", "observed": {"rate": "8.1"}}
MODEL = {"name": "resnet", "strategy": "Reload", "policy": POLICY, "decision": DECISION}
READY = {"type": "Ready", "status": "True", "reason": "AllPodsReady", "message": "2 of 2 pods"}


def _status(
    model: dict[str, Any] | None = None, condition: dict[str, Any] | None = None, **more: Any
) -> Any:
    parts = {
        "observedGeneration": 1,
        "replicas": 2,
        "conditions": [{**READY, **(condition or {})}],
        "models": [{**MODEL, **(model or {})}],
    }
    return ModelServerStatus.model_validate({**parts, **more})


@pytest.mark.parametrize(
    "new",
    [
        _status(),
        _status(condition={"message": "2 of 2 pods, 13 ms"}),
        _status({"decision": {**DECISION, "message": "9.7 per s", "observed": {"rate": "9.7"}}}),
        _status({"decision": {**DECISION, "predicted": {"rate": "9.7"}}}),
        _status({"policy": {**POLICY, "lossMicros": {"x": 77}}}),
    ],
)
def test_figures_can_wait(new: ModelServerStatus) -> None:
    """Other numbers in the same situation are no reason to wake everybody who watches."""
    assert not is_transition(_status(), new)


@pytest.mark.parametrize(
    "new",
    [
        _status(observedGeneration=2),
        _status(replicas=3),
        _status(readyReplicas=1),
        _status(condition={"status": "False"}),
        _status(condition={"reason": "Other"}),
        _status(conditions=[]),
        _status({"strategy": "Demultiplex"}),
        _status({"since": "2026-01-01T00:00:00Z"}),
        _status({"versions": [{"version": 1, "state": "LOADING"}]}),
        _status({"policy": {**POLICY, "plan": "Demultiplex/Throughput"}}),
        _status({"policy": {**POLICY, "check": {"previous": "Reload/Throughput"}}}),
        _status({"policy": {**POLICY, "failures": [{"plan": "x"}]}}),
        _status({"policy": {**POLICY, "something": "of a later release"}}),
        _status({"policy": None}),
        _status({"decision": {**DECISION, "action": "Switch"}}),
        _status({"decision": None}),
        _status(models=[]),
    ],
)
def test_what_has_happened_is_written_at_once(new: ModelServerStatus) -> None:
    """A condition, a plan or the policy's state must outlive a restart; somebody may wait for it."""
    assert is_transition(_status(), new)
    assert is_transition(None, new)


def test_another_fault_of_the_same_reason_is_written_at_once() -> None:
    """Whoever mends one mistake and makes another must not read of the first for a minute."""
    fault = {"status": "False", "reason": "ApplyRefused", "message": "spec.affinity: Invalid"}
    old, new = _status(condition=fault), _status(condition={**fault, "message": "spec.env: Invalid"})
    assert is_transition(old, new)


@pytest.mark.parametrize("reason", ["RollingOut", "NewPodsCrashing"])
def test_how_far_a_rollout_is_is_written_at_once(reason: str) -> None:
    """Somebody waits for it, although the condition stays true."""
    before, after = ({"reason": reason, "message": f"{count} of 2 pods"} for count in (0, 1))
    assert is_transition(_status(condition=before), _status(condition=after))


def test_a_pipeline_is_judged_by_its_conditions() -> None:
    """Words may change with figures; the conditions' states and reasons are what has happened."""
    old = PipelineStatus.model_validate({"conditions": [READY]})
    words = PipelineStatus.model_validate({"conditions": [{**READY, "message": "other"}]})
    reason = PipelineStatus.model_validate({"conditions": [{**READY, "reason": "Other"}]})
    edited = old.model_copy(update={"observed_generation": 2})
    assert [is_transition(old, new) for new in (words, reason, edited)] == [False, True, True]
