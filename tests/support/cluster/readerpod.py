"""A pod that reports what it sees of its volumes, on the node that plays a kubelet or on a real one."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.cluster import volumereport
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.node import Kubelet

# An image with `python3`: with it, and a kubeconfig, the checks are made on a real node.
REAL_NODE_IMAGE = "BATCHWRIGHT_TEST_REAL_NODE_IMAGE"
_NAME = "reader"
_PROGRAM = Path(volumereport.__file__).read_text()

ReadLog = Callable[[Object], Awaitable[str]]


@dataclass(frozen=True)
class Sight:
    """What a reader saw of a volume at one time."""

    target: str  # of ..data
    texts: dict[str, str]
    modes: dict[str, int]
    seen: tuple[str, ...]  # names beside ..data


class ReaderPod:
    """The pod, and what it has seen."""

    def __init__(self, pod: Object, read_log: ReadLog, mounts: dict[str, str]) -> None:
        self.name = _NAME
        self._pod = pod
        self._read_log = read_log
        self._mounts = mounts

    async def sights(self, volume: str) -> list[Sight]:
        """All that it has seen of a volume, in order."""
        text = await self._read_log(self._pod)
        lines = [
            json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")
        ]
        return [
            _to_sight(line) for line in lines if _is_of(line["directory"], self._mounts[volume], volume)
        ]

    async def sees(self, volume: str, is_so: Callable[[Sight], bool], *, seconds: float) -> Sight:
        """What it sees last, once that is so; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            found = await self.sights(volume)
            if found and is_so(found[-1]):
                return found[-1]
            assert time.monotonic() < deadline, f"{volume} not so within {seconds} s: {found[-1:]}"
            await asyncio.sleep(0.05)


async def create_reader(
    api: ApiClient, namespace: str, volumes: list[Object], node: Kubelet | None
) -> ReaderPod:
    """A reader of these volumes; on a real node if `node` is None."""
    mounts = {volume["name"]: f"/volumes/{volume['name']}" for volume in volumes}
    container = {
        "name": "server",
        "image": os.environ.get(REAL_NODE_IMAGE, "batchwright/reader"),
        "command": ["python3", "-c", _PROGRAM, *mounts.values()],
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
    }
    spec: Object = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": volumes,
    }
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": _NAME}, "spec": spec}
    await api.create(manifest, namespace=namespace)
    pod = await api.wait_for("Pod", _NAME, namespace, until=_runs, seconds=60)

    async def read_log(pod: Object) -> str:
        if node is not None:
            return node.log_of(pod)
        return await api.read_text(find_kind("Pod").path(namespace, pod["metadata"]["name"], "log"))

    return ReaderPod(pod, read_log, mounts)


def _runs(pod: Object) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Running")


def _is_of(directory: str, mount: str, volume: str) -> bool:
    # On the node that plays a kubelet, the volume is where that keeps it.
    return directory == mount or directory.endswith(f"/volumes/{volume}")


def _to_sight(line: dict[str, Any]) -> Sight:
    texts = {name: text for name, (text, _) in line["files"].items()}
    modes = {name: mode for name, (_, mode) in line["files"].items()}
    return Sight(line["target"], texts, modes, tuple(line["seen"]))
