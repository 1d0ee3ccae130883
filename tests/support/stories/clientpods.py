"""Pods of the example clients' image."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.node import images
from tests.support.polling import eventually
from tests.support.stories.logscan import read_log

MODELS = "models"  # the claim with the sample models and images
MOUNT = "/models"
_TRAFFIC = Path(__file__).with_name("traffic.py")
_FIRST_ANSWER_SECONDS = 90.0
_PROGRAM_MOUNT = "/opt/traffic"
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@dataclass(frozen=True)
class Question:
    """What traffic asks: the address, the model and its tensors, the images' file, batch sizes."""

    address: str
    model: str
    source: str
    result: str
    images: str
    sizes: Sequence[int] = (1,)
    clients: int = 2


class Traffic:
    """A client pod that asks all the time."""

    def __init__(self, api: ApiClient, namespace: str, name: str) -> None:
        self._api, self._namespace, self.name = api, namespace, name

    async def observe(self) -> dict[str, Any]:
        """What it told last; empty before its first answers."""
        lines = (await read_log(self._api, self._namespace, self.name, "tailLines=1")).splitlines()
        found: dict[str, Any] = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
        return found

    async def end(self) -> dict[str, Any]:
        """Let it answer what it has asked, and end: what it told last of all."""
        # Deleting the pod would take its log away: its program gets the signal by a Job's way of ending.
        pod = {"spec": {"activeDeadlineSeconds": 1}}
        await self._api.patch("Pod", self.name, self._namespace, patch=pod)
        await self._api.wait_for("Pod", self.name, self._namespace, until=_has_ended, seconds=90)
        told = await self.observe()
        assert told.get("last"), f"{self.name} did not end in an orderly way: {told}"
        return told


async def run_client(
    api: ApiClient,
    namespace: str,
    arguments: Sequence[str],
    *,
    name: str = "client",
    labels: Mapping[str, str] | None = None,
    seconds: float = 120.0,
) -> tuple[int, str]:
    """The exit code and the output of the client image's Python with these arguments."""
    await api.create(render_client(name, arguments, labels or {}), namespace=namespace)
    pod = await api.wait_for("Pod", name, namespace, until=_has_ended, seconds=seconds)
    text = await read_log(api, namespace, name)
    await api.delete("Pod", name, namespace, grace_seconds=0)
    await api.wait_until_gone("Pod", name, namespace)
    return int(pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]), text


@asynccontextmanager
async def traffic(
    api: ApiClient, namespace: str, question: Question, *, name: str = "traffic"
) -> AsyncIterator[Traffic]:
    """A client pod that asks until it is told to `end`, and whose first answers are there."""
    program = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-program"}}
    await api.create({**program, "data": {"traffic.py": _TRAFFIC.read_text()}}, namespace=namespace)
    sizes = ",".join(str(size) for size in question.sizes)
    asked = (question.address, question.model, question.source, question.result, question.images)
    arguments = [f"{_PROGRAM_MOUNT}/traffic.py", *asked, sizes, str(question.clients)]
    pod = render_client(name, arguments, {"app": "traffic"})
    pod["spec"]["containers"][0]["volumeMounts"].append({"name": "program", "mountPath": _PROGRAM_MOUNT})
    pod["spec"]["volumes"].append({"name": "program", "configMap": {"name": f"{name}-program"}})
    await api.create(pod, namespace=namespace)
    running = Traffic(api, namespace, name)
    try:
        await _until_answered(running)
        yield running
    finally:
        await api.delete_if_there("Pod", name, namespace, grace_seconds=0)
        await api.delete_if_there("ConfigMap", f"{name}-program", namespace)


async def _until_answered(running: Traffic) -> None:
    async def is_answered() -> bool:
        return bool((await running.observe()).get("answered"))

    await eventually(is_answered, seconds=_FIRST_ANSWER_SECONDS, interval=0.3)


def render_client(name: str, arguments: Sequence[str], labels: Mapping[str, str]) -> Object:
    """A pod that runs the client image's Python once, fit for the restricted Pod Security Standard."""
    container = {
        "name": "client",
        "image": images.CLIENT.reference,
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        "env": [{"name": "PYTHONPATH", "value": "/opt/example"}],
        "securityContext": _RESTRICTED,
        "volumeMounts": [{"name": MODELS, "mountPath": MOUNT, "readOnly": True}],
    }
    claim = {"claimName": MODELS, "readOnly": True}
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": MODELS, "persistentVolumeClaim": claim}],
    }
    metadata = {"name": name, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _has_ended(pod: Object) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")
