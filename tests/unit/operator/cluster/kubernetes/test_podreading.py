"""A Pod of the API server as the controller sees it."""

from typing import Any

import pytest

from batchwright_operator.cluster.kubernetes.podreading import read_pod
from batchwright_operator.cluster.kubernetes.pruning import prune
from batchwright_operator.reconcile.observed import Phase
from tests.unit.operator.cluster.kubernetes.raw_objects import Raw, pod

UNREADY = "2026-01-01T10:00:00Z"


def _pod(
    phase: str = "Running",
    *,
    state: Raw | None = None,
    ready: bool = False,
    restarts: int = 0,
    **more: Any,
) -> Raw:
    server = {"name": "server", "restartCount": restarts, "state": state or {"running": {}}}
    server |= more.pop("server", {})
    conditions = [
        {"type": "Ready", "status": str(ready)},
        {"type": "ContainersReady", "status": str(ready), "lastTransitionTime": UNREADY},
        *more.pop("conditions", []),
    ]
    statuses = [{"name": "sidecar", "restartCount": 9, "state": {}}, server]
    status = {
        "phase": phase,
        "podIP": "10.1.2.3",
        "conditions": conditions,
        "containerStatuses": statuses,
    }
    return pod(status=status, **more)


def _died(at: str = UNREADY, **more: Any) -> Raw:
    return {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": at, **more}}


WAITING = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}}


def test_a_ready_pod() -> None:
    """Its address is that of the admin port, and its template the one that it was marked with."""
    ports = [{"name": "grpc", "containerPort": 9000}, {"name": "admin", "containerPort": 8012}]
    spec = {"containers": [{"name": "server", "ports": ports}]}
    metadata = {"annotations": {"batchwright.dev/template-hash": "abc"}}
    found = read_pod(_pod(ready=True, restarts=2, spec=spec, metadata=metadata))
    assert (found.address, found.template) == ("10.1.2.3:8012", "abc")
    assert (found.phase, found.ready, found.restarts, found.failed_starts) == (Phase.RUNNING, True, 2, 0)


@pytest.mark.parametrize(
    ("raw", "phase"),
    [
        (_pod(), Phase.RUNNING),
        (_pod(state=WAITING), Phase.PENDING),
        (_pod("Pending", state={"waiting": {"reason": "ContainerCreating"}}), Phase.PENDING),
        (_pod("Failed", state=_died()), Phase.FAILED),
        (_pod("Succeeded", state=_died()), Phase.FAILED),
        (_pod(ready=True, metadata={"deletionTimestamp": UNREADY}), Phase.TERMINATING),
        (_pod("Unknown"), Phase.PENDING),
        (pod(), Phase.PENDING),
    ],
)
def test_only_a_pod_whose_server_runs_is_running(raw: Raw, phase: Phase) -> None:
    """A pod that waits to be started again is not asked for signals, nor is one that ends."""
    assert read_pod(raw).phase is phase


@pytest.mark.parametrize(
    ("raw", "seen", "starts"),
    [
        (_pod(state=WAITING, restarts=3, server={"lastState": _died()}), None, 3),
        (_pod(state=_died(), restarts=2), None, 3),
        (_pod(restarts=5, server={"lastState": _died("2026-01-01T09:00:00Z")}), None, 0),
        (_pod(state=WAITING, restarts=6, server={"lastState": _died()}), 5, 0),
        (_pod(state=WAITING, restarts=8, server={"lastState": _died()}), 5, 2),
        (_pod(state=WAITING, ready=True, restarts=8), 5, 0),
    ],
)
def test_deaths_count_since_it_was_ready(raw: Raw, seen: int | None, starts: int) -> None:
    """The death of a server that was ready is no failed start; restarts of long ago are none either."""
    assert read_pod(raw, seen).failed_starts == starts


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (
            _pod(state=WAITING, server={"lastState": _died(message="a\nno model\n")}),
            "exit code 1: no model",
        ),
        (_pod(state=WAITING), "CrashLoopBackOff: back-off 10s restarting"),
        (
            _pod(server={"lastState": _died(reason="OOMKilled", exitCode=137)}),
            "exit code 137 (OOMKilled)",
        ),
        (_pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "x"}}), "ImagePullBackOff: x"),
        (
            _pod(
                "Pending",
                state={"waiting": {}},
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
            ),
            "Unschedulable",
        ),
        (_pod(), ""),
    ],
)
def test_the_reason_is_in_the_words_of_who_knows(raw: Raw, reason: str) -> None:
    """The process's last words come before the kubelet's, and the scheduler's before there is either."""
    assert read_pod(raw).reason == reason


def _fetching(state: Raw, last: Raw | None = None) -> Raw:
    step = {"name": "fetch-0a2c", "state": state, "lastState": last or {}}
    found = _pod("Pending", state={"waiting": {"reason": "PodInitializing"}})
    found["status"]["initContainerStatuses"] = [{"name": "mesh", "state": {"running": {}}}, step]
    return found


@pytest.mark.parametrize(
    ("state", "last", "told"),
    [
        ({"running": {}}, None, ""),
        ({"terminated": {"exitCode": 0}}, _died(message="model m: away"), ""),
        (_died(message="model m: away\n"), None, "model m: away"),
        (WAITING, _died(message="model m: away"), "model m: away"),
        ({"running": {}}, _died(message="model m: away"), "model m: away"),
        (WAITING, _died(exitCode=137, reason="OOMKilled"), "fetch-0a2c: exit code 137 (OOMKilled)"),
        (
            {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "a" not found'}},
            None,
            'fetch-0a2c: CreateContainerConfigError: secret "a" not found',
        ),
        ({"waiting": {"reason": "ContainerCreating", "message": "not yet known here"}}, None, ""),
    ],
)
def test_why_a_model_is_not_fetched(state: Raw, last: Raw | None, told: str) -> None:
    """What the step said last is told until it succeeds, and nothing of other people's steps."""
    found = prune("Pod", _fetching(state, last))  # as the store keeps it

    assert read_pod(found).unfetched == told
