"""What tests ask of a Deployment's pods."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.support.cluster.apiclient import ApiClient, Object


async def rolled_out(
    api: ApiClient, namespace: str, name: str, *, seconds: float = 60.0
) -> list[Object]:
    """The pods of a Deployment, once it is as its spec says and no other pod is left."""
    deadline = time.monotonic() + seconds
    while True:
        deployment = await api.find("Deployment", name, namespace)
        found = await of(api, namespace, deployment) if deployment is not None else []
        if deployment is not None and _is_rolled_out(deployment, found):
            return found
        if time.monotonic() > deadline:
            told = [(pod["metadata"]["name"], pod.get("status")) for pod in found]
            raise AssertionError(f"{name} not rolled out within {seconds} s: {told}")
        await asyncio.sleep(0.1)


async def ready(api: ApiClient, namespace: str, name: str) -> list[Object]:
    """The pods of a Deployment that are ready and stay."""
    found = await of(api, namespace, await api.get("Deployment", name, namespace))
    return [pod for pod in found if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]


async def eventually_one(
    api: ApiClient,
    namespace: str,
    name: str,
    *,
    until: Callable[[Object], bool],
    seconds: float = 40.0,
) -> Object:
    """The first pod of a Deployment for which `until` holds; fails with them all after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        deployment = await api.find("Deployment", name, namespace)
        found = await of(api, namespace, deployment) if deployment is not None else []
        for pod in found:
            if until(pod):
                return pod
        if time.monotonic() > deadline:
            raise AssertionError(f"no such pod within {seconds} s: {[pod['status'] for pod in found]}")
        await asyncio.sleep(0.05)


async def of(api: ApiClient, namespace: str, deployment: Object) -> list[Object]:
    """All pods that a Deployment's selector finds."""
    labels = deployment["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return await api.list("Pod", namespace, labels=selector)


def is_ready(pod: Object) -> bool:
    """Whether a pod's condition says that it is ready."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def restarts(pod: Object) -> int:
    """How often a pod's containers were restarted."""
    return sum(item["restartCount"] for item in _containers(pod))


def waiting(pod: Object) -> str:
    """Why a pod's first container waits; empty if it does not."""
    found = _containers(pod)
    return str(found[0]["state"].get("waiting", {}).get("reason", "")) if found else ""


def _containers(pod: Object) -> list[dict[str, Any]]:
    return pod.get("status", {}).get("containerStatuses") or []


def _is_rolled_out(deployment: Object, pods: list[Object]) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")]
    is_seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    is_alone = len(pods) == wanted and all(is_ready(pod) for pod in pods)
    return is_seen and is_alone and counts == [wanted, wanted, wanted]
