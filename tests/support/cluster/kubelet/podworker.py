"""One pod on the node, from when it is bound until it has gone."""

import asyncio
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.support.cluster.apiclient import ApiClient, ApiError, Object, Patch
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.kubelet.addresses import AddressBook
from tests.support.cluster.kubelet.container import Container, Ground
from tests.support.cluster.kubelet.orders import Orders
from tests.support.cluster.kubelet.payloads import NotYet, Sources
from tests.support.cluster.kubelet.podstatus import is_over, render_status
from tests.support.cluster.kubelet.programs import Program, Surroundings, is_server, resolve_program
from tests.support.cluster.kubelet.volumes import Volumes

_RETRY_SECONDS = 0.2
_LOOK_SECONDS = 0.05
_TERMINATION_LOG = "/dev/termination-log"  # a container's own

Failures = (ApiError, aiohttp.ClientError, OSError, TimeoutError)


@dataclass(frozen=True)
class Node:
    """What all pods of the node share."""

    name: str
    home: Path
    api: ApiClient
    http: aiohttp.ClientSession  # for probes
    orders: Callable[[], Orders]
    book: AddressBook

    @property
    def models(self) -> Path:
        """Where models are mounted, the same for every pod."""
        return self.home / "models"


class PodWorker:
    """One pod. `update` tells what the API server has, `remove` that it has it no more."""

    def __init__(self, node: Node, pod: Object) -> None:
        self._node = node
        self._pod = pod
        metadata = pod["metadata"]
        self._namespace, self._name = str(metadata["namespace"]), str(metadata["name"])
        self._home = node.home / "pods" / self._namespace / self._name
        self._home.mkdir(parents=True, exist_ok=True)
        self._volumes = Volumes(node.api, pod, home=self._home, models=node.models, orders=node.orders)
        self._ip = node.book.assign(pod.get("status", {}).get("podIP", ""))
        self._changed = asyncio.Event()
        self._steps = [
            self._container(block, "OnFailure") for block in pod["spec"].get("initContainers") or ()
        ]
        policy = pod["spec"].get("restartPolicy", "Always")
        self._containers = [self._container(block, policy) for block in pod["spec"]["containers"]]
        for container in self._containers if self._steps else ():
            container.state.wait("PodInitializing", "")
        self._deleting = asyncio.Event()
        self._refresh_now = False
        self._gone = False
        self._task = asyncio.create_task(self._run(), name=f"pod {self._name}")
        self._task.add_done_callback(_tell_failure)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to do."""
        return self._task.done()

    def update(self, pod: Object) -> None:
        """Take in the pod as it is at the API server."""
        told = ("labels", "annotations")
        before, after = self._pod["metadata"], pod["metadata"]
        if any(before.get(key) != after.get(key) for key in told):
            self._refresh_now = True  # a kubelet syncs a pod at once that somebody wrote to
        self._pod = pod
        if "deletionTimestamp" in after:
            self._deleting.set()

    def remove(self) -> None:
        """The pod is gone from the API server: nothing of it may go on."""
        self._gone = True
        for container in (*self._steps, *self._containers):
            container.kill()
        self._deleting.set()

    async def _run(self) -> None:
        grace = float(self._pod["spec"].get("terminationGracePeriodSeconds", 30))
        running = [asyncio.create_task(self._run_containers(grace))]
        beside = [asyncio.create_task(self._publish()), asyncio.create_task(self._refresh())]
        try:
            self._changed.set()
            self.update(self._pod)
            await self._deleting.wait()
            if not self._gone:
                grace = float(self._pod["metadata"].get("deletionGracePeriodSeconds", grace))
                everything = (*self._steps, *self._containers)
                await asyncio.gather(*(container.end(grace) for container in everything))
            await asyncio.gather(*running)
        finally:
            for task in (*beside, *running):
                task.cancel()
            await asyncio.gather(*beside, *running, return_exceptions=True)
        await self._send_status()
        await self._delete()

    async def _run_containers(self, grace_seconds: float) -> None:
        """The steps one after the other, then all containers at once."""
        for step in self._steps:
            await step.run(grace_seconds)
            if not is_over(step.state):
                break
        await asyncio.gather(*(container.run(grace_seconds) for container in self._containers))

    def _container(self, block: Object, restart_policy: str) -> Container:
        termination_log = self._home / f"{block['name']}.termination"

        async def prepare() -> Program:
            await self._volumes.prepare(self._pod)
            if not is_server(block["image"]):
                raise NotYet(f'failed to pull image "{block["image"]}": this node runs the server only')
            address = self._node.book.locate(self._ip)
            mounts = self._volumes.mounts(block) | {_TERMINATION_LOG: str(termination_log)}
            around = Surroundings(self._pod, address, mounts)
            return await resolve_program(block, around, Sources(self._node.api, self._pod))

        ground = Ground(
            http=self._node.http,
            orders=self._node.orders,
            address=self._node.book.locate(self._ip),
            log=self._home / f"{block['name']}.log",
            prepare=prepare,
            tell=self._changed.set,
            restart_policy=restart_policy,
            termination_log=termination_log,
        )
        return Container(block, ground)

    async def _refresh(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            due = last + self._node.orders().refresh_seconds
            if time.monotonic() < due and not self._refresh_now:
                continue
            self._refresh_now, last = False, time.monotonic()
            with suppress(NotYet, *Failures):  # what is there stays
                await self._volumes.prepare(self._pod)

    async def _publish(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self._send_status():
                self._changed.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _send_status(self) -> bool:
        if self._gone:
            return True
        states = [container.state for container in self._containers]
        steps = [step.state for step in self._steps]
        status = render_status(self._pod, self._ip, states, steps)
        patch = {"metadata": {"uid": self._pod["metadata"]["uid"]}, "status": status}
        try:
            found = await self._node.api.patch(
                "Pod",
                self._name,
                self._namespace,
                patch=patch,
                how=Patch.STRATEGIC,
                subresource="status",
            )
        except ApiError as error:
            return error.status in (404, 409, 422)  # another pod of that name, or none
        except Failures:
            return False
        self._pod = {**self._pod, "status": found["status"]}
        return True

    async def _delete(self) -> None:
        path = find_kind("Pod").path(self._namespace, self._name)
        uid = self._pod["metadata"]["uid"]
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        while not self._gone:
            try:
                await self._node.api.call("DELETE", path, body=options)
            except ApiError as error:
                if error.status in (404, 409):
                    return
            except Failures:
                pass
            else:
                return
            await asyncio.sleep(_RETRY_SECONDS)


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        traceback.print_exception(error)
