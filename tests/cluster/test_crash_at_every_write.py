"""Operators that die at their writes, one after the other: what they leave behind is gone on with."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchwright_operator.reconcile.drift import has_drifted
from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.attachment import attach
from batchwright_operator.resources.objects import read_object
from batchwright_server.config.digest import digest
from tests.support.cluster import pods
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.lightnode import LightNode, light_node
from tests.support.cluster.network import network
from tests.support.cluster.node import alone
from tests.support.cluster.operatorprocess import ADMIN_KEY, Operators
from tests.support.faultproxy import WRITES, Fault, FaultProxy
from tests.support.modelservers import server_document
from tests.support.operator_process import OperatorProcess
from tests.support.pipelines import pipeline_document

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "vision"
STAGE_SECONDS = 150.0  # a start of an operator takes its time on a busy machine
QUIET_SECONDS = 2.0
OWNED = ("ConfigMap", "Deployment", "Service", "ServiceAccount", "PodDisruptionBudget")
_NO_HEARTBEAT = r"^(?!.*batchwright-heartbeat)"
_LABELS = "app.kubernetes.io/managed-by=batchwright,app.kubernetes.io/instance=vision"


class Mortal:
    """An operator that lives for so many writes, and is then started again.

    It dies before its next write reaches the API server, or after that one has, with no answer.
    """

    def __init__(self, operator: OperatorProcess, proxy: FaultProxy, *, writes: int, when: str) -> None:
        self.deaths = 0
        self._operator = operator
        self._proxy = proxy
        self._writes = writes
        self._when = when
        self._arm()

    async def live(self) -> None:
        """Again and again, until cancelled."""
        while True:
            await asyncio.sleep(0.02)
            if not self._operator.is_running:
                self._arm()
                self._operator.start()

    def _arm(self) -> None:
        fault = Fault(WRITES, _NO_HEARTBEAT, spared=self._writes, times=1)
        if self._when == "before":
            fault.before = self._die_and_ask_nothing
        else:
            fault.after = self._die
        self._proxy.faults[:] = [fault]

    async def _die(self) -> None:
        self.deaths += 1
        self._operator.process.kill()

    async def _die_and_ask_nothing(self) -> None:
        await self._die()
        await asyncio.Event().wait()  # its connection ends, and with it this request


@dataclass
class Life:
    """A ModelServer with a Pipeline: made, switched by an edit, scaled; told by what is left of it."""

    api: ApiClient
    namespace: str
    node: LightNode

    async def run(self) -> None:
        """All of it."""
        document = server_document(model("Reload"), name=NAME, replicas=1)
        await self.api.create(document, namespace=self.namespace)
        await self.api.create(pipeline_document("twice"), namespace=self.namespace)
        await self._is_settled(pods_ready=1)
        [first] = await self._pods()
        await self._edit({"models": [model("Demultiplex")]})
        await self._is_settled(pods_ready=1)
        [same] = await self._pods()
        assert same["metadata"]["uid"] == first["metadata"]["uid"]
        await self._edit({"replicas": 2})
        await self._is_settled(pods_ready=2)
        self._require_one_switch(first["metadata"]["uid"])
        await self._require_as_rendered()

    def _require_one_switch(self, uid: str) -> None:
        """Whatever the pod was sent more than once, it was never sent what it had left behind."""
        sent = [digest(document) for document in self.node.pods[uid].sent]
        changes = [new for old, new in zip(["", *sent], sent, strict=False) if new != old]
        assert len(changes) == len(set(changes)), changes

    async def _edit(self, spec: dict[str, Any]) -> None:
        await self.api.patch("ModelServer", NAME, self.namespace, patch={"spec": spec})

    async def _pods(self) -> list[Object]:
        return await pods.ready(self.api, self.namespace, NAME)

    async def _is_settled(self, *, pods_ready: int) -> None:
        """Return once statuses tell that all is as it was asked for, and it is."""
        deadline = time.monotonic() + STAGE_SECONDS
        while not await self._is_as_asked(pods_ready):
            assert time.monotonic() < deadline, [item.get("status") for item in await self._told()]
            await asyncio.sleep(0.1)

    async def _is_as_asked(self, pods_ready: int) -> bool:
        if not all(is_content(item) for item in await self._told()):
            return False
        if len(await self._pods()) != pods_ready:
            return False
        found = await self.api.get("ConfigMap", f"{NAME}-config", self.namespace)
        committed = found["data"]["config.json"].encode()
        served = [self.node.pods[pod["metadata"]["uid"]] for pod in await self._pods()]
        return all(pod.document == committed for pod in served)

    async def _told(self) -> list[Object]:
        found = await self.api.get("ModelServer", NAME, self.namespace)
        return [found, await self.api.get("Pipeline", "twice", self.namespace)]

    async def _require_as_rendered(self) -> None:
        """All objects that there should be, no others, and nothing wrong with any."""
        server = attach([read_object(item) for item in await self._told()]).servers[0]
        settings = Settings(admin_keys=(ADMIN_KEY,), operator_namespace=self.namespace)
        wanted = render_bundle(server, settings, {})
        found: list[Object] = []
        for kind in OWNED:
            listed = await self.api.list(kind, self.namespace, labels=_LABELS)
            head = {"kind": kind, "apiVersion": find_kind(kind).api_version}
            found += ({**item, **head} for item in listed)
        observed = Observed(objects=tuple(found))
        names = [(item["kind"], item["metadata"]["name"]) for item in wanted.manifests]
        assert sorted(names) == sorted((item["kind"], item["metadata"]["name"]) for item in found)
        assert [item for item in wanted.manifests if has_drifted(item, observed)] == []

    async def events(self) -> Counter[tuple[str, str]]:
        """How often each event was told."""
        found = await self.api.list("Event", self.namespace)
        ours = (item for item in found if item["reportingController"] == "batchwright.dev/operator")
        return Counter((item["reason"], item["note"]) for item in ours)


@pytest.fixture
async def node(control_plane: Cluster, api: ApiClient, tmp_path: Path) -> AsyncIterator[LightNode]:
    """A node whose pods cost nothing."""
    async with light_node(api, tmp_path) as found:
        with alone(control_plane, found.name):
            yield found


@pytest.mark.parametrize(
    ("writes", "when"),
    [(0, "after"), (1, "before")],
    ids=["after each write", "before each second write"],
)
async def test_an_operator_that_dies_at_its_writes_is_gone_on_with(
    control_plane: Cluster,
    api: ApiClient,
    namespace: str,
    node: LightNode,
    tmp_path: Path,
    writes: int,
    when: str,
) -> None:
    """Wherever it ends, the next one comes to the same end, with one switch and no event twice."""
    operators = Operators(control_plane, namespace, tmp_path)
    async with network(control_plane, operators, tmp_path) as (proxy, kubeconfig):
        options = ("--no-leader-election", f"--pod-addresses={node.addresses_file}")
        operator = operators.start(*options, kubeconfig=kubeconfig)
        mortal = Mortal(operator, proxy, writes=writes, when=when)
        living = asyncio.create_task(mortal.live())
        began = time.monotonic()
        try:
            life = Life(api, namespace, node)
            await life.run()
            await be_quiet(proxy)
        finally:
            living.cancel()
            operators.end()
    print(f"{mortal.deaths} deaths in {time.monotonic() - began:.1f} s")  # noqa: T201  a figure
    assert [told for told, count in (await life.events()).items() if count > 1] == []
    assert mortal.deaths >= 10


def model(strategy: str) -> Object:
    """A model that needs no volume claim."""
    source = {"image": {"reference": "registry.example/models:1", "path": "m"}}
    return {"name": "m", "source": source, "batching": {"strategy": strategy}}


def is_content(found: Object) -> bool:
    """Whether an object's status is about its newest edit, with nothing against it."""
    status = found.get("status", {})
    is_new = status.get("observedGeneration") == found["metadata"]["generation"]
    return is_new and all(item["status"] == "True" for item in status["conditions"])


async def be_quiet(proxy: FaultProxy) -> None:
    """Return once nothing was written for a while: an operator that begins anew has nothing to do."""
    deadline, count, since = time.monotonic() + STAGE_SECONDS, -1, 0.0
    while time.monotonic() - since < QUIET_SECONDS:
        assert time.monotonic() < deadline, proxy.calls[-20:]
        writes = sum(call.verb in WRITES and "heartbeat" not in call.path for call in proxy.calls)
        if writes != count:
            count, since = writes, time.monotonic()
        await asyncio.sleep(0.1)
