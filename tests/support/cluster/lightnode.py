"""A node whose pods are entries of this process: many for little, where no model has to be served.

Each begins with the document of its ConfigMap, is ready at once, and speaks a server's admin protocol at
a loopback address of its own (`tests/support/served_pods.py`).
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.cluster.apiclient import ApiClient, ApiError, Object, Patch
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubelet.addresses import AddressBook
from tests.support.cluster.kubelet.noderegistration import keep_registered
from tests.support.cluster.kubelet.podstatus import ContainerState, render_status
from tests.support.fake_pods import FakePod
from tests.support.served_pods import ServedPods

_CONFIG_FILE = "config.json"


class LightNode:
    """One such node. `addresses_file` is for the operator's --pod-addresses."""

    def __init__(self, api: ApiClient, served: ServedPods, addresses_file: Path) -> None:
        self.name = f"light-{secrets.token_hex(3)}"
        self.addresses_file = addresses_file
        self.pods: dict[str, FakePod] = {}  # by uid
        self._api = api
        self._served = served
        self._book = AddressBook(addresses_file)

    async def follow(self) -> None:
        """Register, and take care of all pods that are bound to it, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_registered(self._api, self.name))
            query = {"fieldSelector": f"spec.nodeName={self.name}"}
            answer = await self._api.call("GET", find_kind("Pod").path(), query=query)
            version = str(answer["metadata"]["resourceVersion"])
            async for change in self._api.watch("Pod", resource_version=version, **query):
                if change.type in ("ADDED", "MODIFIED"):
                    tasks.create_task(self._take(change.object))

    async def _take(self, pod: Object) -> None:
        uid = str(pod["metadata"]["uid"])
        if "deletionTimestamp" in pod["metadata"]:
            await self._end(pod)
        elif uid not in self.pods:
            await self._begin(pod)

    async def _begin(self, pod: Object) -> None:
        ip = self._book.assign()
        config = await self._api.get("ConfigMap", _config_map(pod), pod["metadata"]["namespace"])
        fake = FakePod(config["data"][_CONFIG_FILE].encode())
        self.pods[str(pod["metadata"]["uid"])] = fake
        await self._served.serve(self._book.locate(ip), _admin_port(pod), fake)
        block = pod["spec"]["containers"][0]
        state = ContainerState(block["name"], block["image"])
        state.run(os.getpid())
        state.started = state.ready = True
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        patch = {"status": render_status(pod, ip, [state])}
        with suppress(ApiError):  # it has gone meanwhile
            await self._api.patch(
                "Pod", name, namespace, patch=patch, how=Patch.STRATEGIC, subresource="status"
            )

    async def _end(self, pod: Object) -> None:
        if self.pods.pop(str(pod["metadata"]["uid"]), None) is not None:
            host = self._book.locate(pod["status"]["podIP"])
            await self._served.end(host, _admin_port(pod))
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        await self._api.delete_if_there("Pod", name, namespace, grace_seconds=0)


def _admin_port(pod: Mapping[str, Any]) -> int:
    ports = pod["spec"]["containers"][0]["ports"]
    return int(next(port["containerPort"] for port in ports if port["name"] == "admin"))


def _config_map(pod: Mapping[str, Any]) -> str:
    volumes = (volume.get("configMap") for volume in pod["spec"]["volumes"])
    return str(next(found["name"] for found in volumes if found))


@asynccontextmanager
async def light_node(api: ApiClient, directory: Path) -> AsyncIterator[LightNode]:
    """A node for the time of the block; its pods answer as long."""
    async with ServedPods() as served:
        node = LightNode(api, served, directory / "light-addresses.json")
        following = asyncio.create_task(node.follow())
        try:
            yield node
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            # Or pods of others would be bound to it until its Lease has run out.
            await api.delete_if_there("Node", node.name)
