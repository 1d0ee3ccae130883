"""Status, conditions and events from one look at the pods."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from batchwright_operator.reconcile import judgement, outcome
from batchwright_operator.reconcile.applied import observe_applied
from batchwright_operator.reconcile.course import Refusal
from batchwright_operator.reconcile.faults import Fault
from batchwright_operator.reconcile.observed import Observed, Phase, Pod, Report, Unreachable
from batchwright_operator.resources.conditions import Condition, ConditionType, get_condition
from batchwright_operator.resources.status import ModelServerStatus
from tests.support.modelservers import make_model_signals, make_server, make_signals

WANTED = "00000000000000aa"
POD = Pod("vision-0", "127.0.0.1", Phase.RUNNING, ready=True)
OTHER = dataclasses.replace(POD, name="vision-1")
SERVING = make_signals(config_hash=WANTED)
REFUSING = make_signals(config_hash="old", rejected_hash=WANTED, error="resnet: no such model")


def _status(
    *pods: Pod,
    reports: Mapping[str, Report],
    replicas: int = 1,
    previous: ModelServerStatus | None = None,
    refusal: Refusal | None = None,
    **more: Any,
) -> ModelServerStatus:
    observed = Observed(pods=pods)
    look = judgement.Look(
        server=make_server(replicas=replicas),
        observed=observed,
        reports=reports,
        applied=observe_applied(observed, reports, WANTED),
        refusal=refusal,
        **more,
    )
    return outcome.build_status(look, (), previous or ModelServerStatus(), now=60.0)


def _condition(status: ModelServerStatus, kind: ConditionType) -> Condition:
    found = get_condition(status.conditions, kind)
    assert found is not None
    return found


def test_all_is_well() -> None:
    """Every condition is true once the pod is ready and serves the document."""
    status = _status(POD, reports={POD.name: SERVING})
    assert all(condition.is_true for condition in status.conditions)
    assert {condition.last_transition_time for condition in status.conditions} == {
        "1970-01-01T00:01:00Z"
    }
    assert (status.replicas, status.ready_replicas) == (1, 1)


def test_edits_that_wait_for_a_newer_operator() -> None:
    """Where an edit of the pods would not be noticed, Ready says so, whether or not they are."""
    for replicas in (1, 2):
        status = _status(POD, reports={POD.name: SERVING}, replicas=replicas, unknown_template="r9")
        ready = _condition(status, ConditionType.READY)
        assert "pod template 'r9'" in ready.message
        assert "wait until a newer operator is back" in ready.message
        assert ready.is_true is (replicas == 1)


def test_a_new_pod_counts() -> None:
    """ConfigApplied is about all current pods, one that has just been made included."""
    status = _status(POD, OTHER, reports={POD.name: SERVING}, replicas=2)
    applied = _condition(status, ConditionType.CONFIG_APPLIED)
    assert (applied.status, applied.reason) == ("Unknown", "MetricsUnreachable")
    assert OTHER.name in applied.message


def test_a_refused_document() -> None:
    """A refusal is told with the pod and its reason, even where other pods took the document."""
    reports = {POD.name: SERVING, OTHER.name: REFUSING}
    refusal = Refusal(OTHER.name, "resnet: no such model", 1.0)
    status = _status(POD, OTHER, reports=reports, refusal=refusal)
    applied = _condition(status, ConditionType.CONFIG_APPLIED)
    assert (applied.status, applied.reason) == ("False", "ConfigRejected")
    assert OTHER.name in applied.message
    assert "no such model" in applied.message


def test_pipelines_that_are_left_out() -> None:
    """The configuration is applied, and the ModelServer too says whose part in it is missing."""
    status = _status(POD, reports={POD.name: SERVING}, left_out=("b", "c"))
    applied = _condition(status, ConditionType.CONFIG_APPLIED)
    assert (applied.status, applied.reason) == ("True", "PipelinesLeftOut")
    assert "b, c" in applied.message


def test_what_new_pods_do_not_start_from_yet() -> None:
    """A configuration that all pods serve counts once it is kept for those that come."""
    status = _status(POD, reports={POD.name: SERVING}, is_committed=False)
    assert _condition(status, ConditionType.CONFIG_APPLIED).reason == "Committing"


def test_an_object_that_is_not_ours() -> None:
    """It is named, and an event warns of it once."""
    fault = Fault("Service", "vision", "ObjectNotOwned", "Service vision is not ours", "h", 1.0)
    well = _status(POD, reports={POD.name: SERVING})
    status = _status(POD, reports={POD.name: SERVING}, previous=well, faults=(fault,))
    ready = _condition(status, ConditionType.READY)
    assert (ready.status, ready.reason) == ("False", "ObjectNotOwned")
    assert "Service vision" in ready.message
    (event,) = outcome.condition_events(well, status, now=1.0)
    assert (event.type, event.reason) == ("Warning", "ObjectNotOwned")
    assert list(outcome.condition_events(status, status, now=2.0)) == []


def test_replicas_are_the_deployments() -> None:
    """An autoscaler reckons with what the Deployment counts."""
    deployment = {"kind": "Deployment", "metadata": {"name": "vision"}, "status": {"replicas": 3}}
    look = judgement.Look(
        server=make_server(),
        observed=Observed((deployment,), (POD,)),
        reports={},
        applied=observe_applied(Observed(), {}, WANTED),
    )
    assert outcome.build_status(look, (), ModelServerStatus(), now=1.0).replicas == 3


def test_a_pod_that_dies_while_starting() -> None:
    """The condition carries how often it died, and its last words."""
    dying = dataclasses.replace(
        POD, phase=Phase.PENDING, ready=False, failed_starts=3, reason="exit code 1: no model"
    )
    ready = _condition(_status(dying, reports={}), ConditionType.READY)
    assert ready.reason == "PodsCrashing"
    assert "3 times" in ready.message
    assert "no model" in ready.message


def test_a_model_that_fails() -> None:
    """A model's own error is in the condition; one that only loads is no fault."""
    failing = make_signals(make_model_signals(state="LOADING", error="bad file"), config_hash=WANTED)
    loading = make_signals(make_model_signals(state="LOADING"), config_hash=WANTED)
    kind = ConditionType.MODELS_AVAILABLE
    failed = _condition(_status(POD, reports={POD.name: failing}), kind)
    waiting = _condition(_status(POD, reports={POD.name: loading}), kind)
    assert (failed.reason, "bad file" in failed.message) == ("ModelsNotAvailable", True)
    assert waiting.reason == "ModelsLoading"


@pytest.mark.parametrize(
    ("template", "served", "expected"), [("new", WANTED, 1), ("old", WANTED, 0), ("new", "old", 0)]
)
def test_a_model_that_failed_before(template: str, served: str, expected: int) -> None:
    """A fault is about the newest edit where the pod serves that, and is made from it."""
    failing = make_signals(make_model_signals(state="LOADING", error="bad file"), config_hash=served)
    pod = dataclasses.replace(POD, template=template)
    found = _condition(
        _status(pod, reports={POD.name: failing}, template="new"), ConditionType.MODELS_AVAILABLE
    )
    assert (found.reason, found.observed_generation) == ("ModelsNotAvailable", expected)


def test_events_are_transitions() -> None:
    """Starting says nothing; coming true and going bad are told once."""
    silent = {POD.name: Unreachable("refused")}
    starting = dataclasses.replace(POD, ready=False)
    looks: list[tuple[Pod, Mapping[str, Report]]] = [
        (starting, silent),
        (POD, {POD.name: SERVING}),
        (POD, {POD.name: SERVING}),
        (POD, {POD.name: REFUSING}),
        (POD, {POD.name: REFUSING}),
    ]
    told: list[list[str]] = []
    previous = ModelServerStatus()
    for pod, reports in looks:
        found = reports[pod.name]
        refusal = Refusal(pod.name, "why", 1.0) if found == REFUSING else None
        status = _status(pod, reports=reports, previous=previous, refusal=refusal)
        events = outcome.condition_events(previous, status, now=1.0)
        told.append([event.reason for event in events])
        previous = status
    well = ["AllPodsReady", "Applied", "AllAvailable", "Settled"]
    assert told == [[], well, [], ["ConfigRejected"], []]


def test_a_heal_is_not_silence() -> None:
    """That a pod which was killed gives no answer until it is ready again is no event of its own."""
    well = _status(POD, reports={POD.name: SERVING})
    healing = dataclasses.replace(POD, ready=False)
    silent = _status(healing, reports={POD.name: Unreachable("refused")}, previous=well)
    assert _condition(silent, ConditionType.CONFIG_APPLIED).reason == "PodsNotReady"
    assert list(outcome.condition_events(well, silent, now=1.0)) == []


def test_a_ready_pod_that_falls_silent() -> None:
    """A pod that answers its probe and gives no numbers is news."""
    well = _status(POD, reports={POD.name: SERVING})
    silent = _status(POD, reports={POD.name: Unreachable("refused")}, previous=well)
    events = outcome.condition_events(well, silent, now=1.0)
    assert {event.reason for event in events} == {"MetricsUnreachable"}


def test_one_and_many() -> None:
    """One pod is not called all."""
    kind = ConditionType.CONFIG_APPLIED
    one = _condition(_status(POD, reports={POD.name: SERVING}), kind)
    assert one.message == "The pod serves the configuration wanted."
    reports = {POD.name: SERVING, OTHER.name: SERVING}
    two = _condition(_status(POD, OTHER, reports=reports, replicas=2), kind)
    assert two.message == "All 2 pods serve the configuration wanted."


def test_stopped() -> None:
    """What nothing keeps any more is not ready, and says so since when."""
    well = _status(POD, reports={POD.name: SERVING})
    stopped = outcome.stopped(well, now=120.0)
    ready = _condition(stopped, ConditionType.READY)
    assert (ready.status, ready.reason) == ("False", "Stopped")
    assert ready.last_transition_time == "1970-01-01T00:02:00Z"
    assert (stopped.replicas, stopped.ready_replicas) == (0, 0)


def test_a_restart_is_told() -> None:
    """Each restart of a process is an event with the reason of its death."""
    again = dataclasses.replace(POD, restarts=1, reason="killed by SIGKILL")
    (event,) = outcome.restart_events((POD,), (again,), now=1.0)
    assert (event.reason, event.type) == ("PodRestarted", "Warning")
    assert "SIGKILL" in event.message
