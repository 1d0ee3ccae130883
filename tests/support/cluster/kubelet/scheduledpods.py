"""The pods that are bound to the node, followed through every trouble of the API server."""

import asyncio
import sys

from tests.support.cluster.apiclient import Object
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubelet.podworker import Failures, Node, PodWorker

_RETRY_SECONDS = 0.2


class ScheduledPods:
    """A worker for each pod."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._workers: dict[str, PodWorker] = {}

    async def follow(self) -> None:
        """List, then watch, for ever."""
        while True:
            try:
                await self._watch(await self._list())
            except Failures as error:
                sys.stderr.write(f"pods are listed again after {error!r}\n")
                await asyncio.sleep(_RETRY_SECONDS)

    @property
    def _selector(self) -> str:
        return f"spec.nodeName={self._node.name}"

    async def _list(self) -> str:
        query = {"fieldSelector": self._selector}
        answer = await self._node.api.call("GET", find_kind("Pod").path(), query=query)
        found = {pod["metadata"]["uid"]: pod for pod in answer["items"]}
        for uid in set(self._workers) - set(found):
            self._workers.pop(uid).remove()
        for pod in found.values():
            self._upsert(pod)
        return str(answer["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> None:
        changes = self._node.api.watch("Pod", resource_version=version, fieldSelector=self._selector)
        async for change in changes:
            if change.type == "DELETED":
                worker = self._workers.pop(change.object["metadata"]["uid"], None)
                if worker is not None:
                    worker.remove()
            elif change.type in ("ADDED", "MODIFIED"):
                self._upsert(change.object)

    def _upsert(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if worker is None:
            if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
                self._workers[uid] = PodWorker(self._node, pod)
        elif not worker.is_done:
            worker.update(pod)
