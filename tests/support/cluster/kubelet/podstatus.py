"""What the node knows of a pod, as the pod's status."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.cluster.apiclient import Object
from tests.support.cluster.kubelet.addresses import NODE_ADDRESS


@dataclass(frozen=True)
class Termination:
    """How a container's process ended."""

    exit_code: int
    reason: str
    started_at: str
    finished_at: str
    message: str = ""

    def to_state(self, container_id: str) -> Object:
        """As a container state."""
        return {
            "terminated": {
                "exitCode": self.exit_code,
                "reason": self.reason,
                "message": self.message,
                "startedAt": self.started_at,
                "finishedAt": self.finished_at,
                "containerID": container_id,
            }
        }


@dataclass
class ContainerState:
    """One container, as it is now."""

    name: str
    image: str
    waiting: str = "ContainerCreating"  # why it does not run
    message: str = ""
    running_since: str = ""
    started: bool = False
    ready: bool = False
    restarts: int = 0
    pid: int = 0
    ended: Termination | None = None  # for good
    last: Termination | None = None

    def run(self, pid: int) -> None:
        """It runs as process `pid` now."""
        self.waiting, self.message, self.running_since, self.pid = "", "", now(), pid
        self.started = self.ready = False

    def wait(self, reason: str, message: str) -> None:
        """It does not run, for a reason."""
        self.waiting, self.message, self.running_since = reason, message, ""
        self.started = self.ready = False

    def to_status(self) -> Object:
        """As an element of `containerStatuses`."""
        container_id = f"process://{self.pid}" if self.pid else ""
        status: Object = {
            "name": self.name,
            "image": self.image,
            "imageID": self.image,
            "containerID": container_id,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "lastState": self.last.to_state(container_id) if self.last else {},
        }
        return {**status, "state": self._state(container_id)}

    def _state(self, container_id: str) -> Object:
        if self.ended is not None:
            return self.ended.to_state(container_id)
        if self.running_since:
            return {"running": {"startedAt": self.running_since}}
        return {"waiting": {"reason": self.waiting, "message": self.message}}


def render_status(
    pod: Object,
    address: str,
    containers: Sequence[ContainerState],
    steps: Sequence[ContainerState] = (),
) -> Object:
    """The pod's status; conditions keep their times while they do not change. `steps`: run before."""
    is_initialized = all(is_over(step) for step in steps)
    are_ready = all(container.ready for container in containers)
    known = {item["type"]: item for item in pod.get("status", {}).get("conditions") or ()}
    reason = {} if are_ready else {"reason": "ContainersNotReady", "message": _unready(containers)}
    conditions = [
        _condition(known, "PodReadyToStartContainers", bool(address)),
        _condition(known, "Initialized", is_initialized),
        _condition(known, "ContainersReady", are_ready, **reason),
        _condition(known, "Ready", are_ready, **reason),
    ]
    status: Object = {
        "phase": _phase(containers) if is_initialized else "Pending",
        "conditions": conditions,
        "containerStatuses": [container.to_status() for container in containers],
        **({"initContainerStatuses": [step.to_status() for step in steps]} if steps else {}),
        "hostIP": NODE_ADDRESS,
        "hostIPs": [{"ip": NODE_ADDRESS}],
        "startTime": pod.get("status", {}).get("startTime") or now(),
    }
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}]}
    return status


def is_over(step: ContainerState) -> bool:
    """Whether what runs before the containers has succeeded."""
    return step.ended is not None and step.ended.exit_code == 0


def now() -> str:
    """The time as the API server writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _phase(containers: Sequence[ContainerState]) -> str:
    if all(container.ended for container in containers):
        return (
            "Failed" if any(item.ended and item.ended.exit_code for item in containers) else "Succeeded"
        )
    return "Running" if any(item.pid for item in containers) else "Pending"


def _unready(containers: Sequence[ContainerState]) -> str:
    names = " ".join(container.name for container in containers if not container.ready)
    return f"containers with unready status: [{names}]"


def _condition(known: dict[str, Any], kind: str, is_true: bool, **reason: str) -> Object:
    status = "True" if is_true else "False"
    before = known.get(kind, {})
    same = before.get("status") == status
    return {
        "type": kind,
        "status": status,
        "lastTransitionTime": before.get("lastTransitionTime") if same else now(),
        "reason": reason.get("reason"),  # null takes away what was there
        "message": reason.get("message"),
    }
