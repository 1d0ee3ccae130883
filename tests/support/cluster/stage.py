"""A namespace with an operator, a node and models in it: what scenes of a ModelServer's life need."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchwright_operator.pods.client import HttpPodClient, Target
from batchwright_operator.render import admin
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.objects import read_object
from batchwright_server.config.digest import digest
from batchwright_server.config.signals import Signals
from tests.support import models, modelservers
from tests.support.cluster import pods, workloads
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.node import Kubelet
from tests.support.cluster.operatorprocess import ADMIN_KEY, Operators
from tests.support.cluster.serviceclient import ServiceClient
from tests.support.operator_process import OperatorProcess

OWNED = (
    "ConfigMap",
    "Deployment",
    "Service",
    "ServiceAccount",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
)
CONDITIONS = ("Ready", "ConfigApplied", "ModelsAvailable", "StrategySettled")
NAME = "vision"
OFFSETS = {"m": 1.0, "n": 2.0, "o": 3.0}  # of the models: `y` = 3 · `x` + offset


def tiny(name: str = "m", *, strategy: str = "Reload", **more: Any) -> Object:
    """One model of `OFFSETS`, as a user writes it."""
    source = {"pvc": {"claimName": "models", "path": name}}
    return {"name": name, "source": source, "batching": {"strategy": strategy}, **more}


@dataclass
class Stage:
    """One test's namespace. `open` it first."""

    cluster: Cluster
    api: ApiClient
    namespace: str
    kubelet: Kubelet
    operators: Operators
    folder: Path
    _began: float = field(default_factory=time.monotonic)

    async def open(self, *options: str) -> OperatorProcess:
        """The models of `OFFSETS` on the claim `models`, and an operator."""
        for name, offset in OFFSETS.items():
            models.save(models.affine(offset=offset), self.folder / "models" / name)
        await workloads.create_claim(self.api, self.namespace, "models", self.folder / "models")
        return self.operators.start(*options, kubelet=self.kubelet)

    async def create(self, *given: Object, name: str = NAME, **spec: Any) -> Object:
        """A ModelServer of `given` models, or of `m`."""
        document = modelservers.server_document(*(given or (tiny(),)), name=name, **spec)
        return await self.api.create(document, namespace=self.namespace)

    async def edit(self, *, name: str = NAME, **spec: Any) -> Object:
        """The ModelServer with these parts of its spec changed; None removes one."""
        return await self.api.patch("ModelServer", name, self.namespace, patch={"spec": spec})

    async def settled(self, name: str = NAME, *, seconds: float = 60.0) -> Object:
        """The ModelServer, once all its conditions hold for the newest edit."""
        return await self.told(name, all_hold, seconds=seconds)

    async def told(self, name: str, until: Callable[[Object], bool], *, seconds: float = 60.0) -> Object:
        """The ModelServer, once its status is as awaited."""
        return await self.api.wait_for("ModelServer", name, self.namespace, until=until, seconds=seconds)

    async def pipeline(
        self, name: str, until: Callable[[Object], bool], *, seconds: float = 30.0
    ) -> Object:
        """A Pipeline, once its status is as awaited."""
        return await self.api.wait_for("Pipeline", name, self.namespace, until=until, seconds=seconds)

    def client(self, name: str = NAME) -> ServiceClient:
        """A client of a ModelServer's Service."""
        return ServiceClient(self.api, self.namespace, name, self.kubelet.addresses_file)

    async def processes(self, name: str = NAME) -> dict[str, int]:
        """The processes of a ModelServer's pods, by the pods' uids."""
        found = await pods.ready(self.api, self.namespace, name)
        return {pod["metadata"]["uid"]: self.kubelet.pid_of(pod) for pod in found}

    async def signals(self, name: str = NAME) -> list[Signals]:
        """What each ready pod of a ModelServer tells those who have its token."""
        server = read_object(await self.api.get("ModelServer", name, self.namespace))
        assert isinstance(server, ModelServer)
        tokens = admin.derive_tokens(Settings(admin_keys=(ADMIN_KEY,)), server)
        client, told = HttpPodClient(), []
        try:
            for pod in await pods.ready(self.api, self.namespace, name):
                address = f"{self.kubelet.address_of(pod)}:8002"
                told.append(await client.read(Target(address, tokens)))
        finally:
            await client.close()
        assert all(isinstance(one, Signals) for one in told), told
        return [one for one in told if isinstance(one, Signals)]

    async def committed(self, name: str = NAME) -> str:
        """The digest of the document that pods of a ModelServer start from."""
        found = await self.api.get("ConfigMap", f"{name}-config", self.namespace)
        return digest(found["data"]["config.json"].encode())

    async def owned(self, name: str = NAME) -> dict[tuple[str, str], Object]:
        """The objects that a ModelServer controls, by kind and name."""
        found = {}
        for kind in OWNED:
            for item in await self.api.list(kind, self.namespace):
                if (owner := _controller(item)) is not None and owner["name"] == name:
                    found[kind, str(item["metadata"]["name"])] = item
        return found

    async def versions(self) -> dict[tuple[str, str], str]:
        """What changes with every write to anything here that an operator may write."""
        return {
            (kind, str(item["metadata"]["name"])): _version(kind, item)
            for kind in (*OWNED, "ModelServer", "Pipeline")
            for item in await self.api.list(kind, self.namespace)
            if item["metadata"]["name"] != "batchwright-heartbeat"
        }

    async def require_quiet(self, *, seconds: float = 10.0) -> None:
        """Fail if anything here is written within so long."""
        before, until = await self.versions(), time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(0.5)
            now = await self.versions()
            assert now == before, {key: (before.get(key), now.get(key)) for key in before | now}

    async def wait_until_empty(self, name: str = NAME, *, seconds: float = 60.0) -> None:
        """Return once a ModelServer has left nothing: no object of its own, no ReplicaSet, no pod."""
        labels = f"app.kubernetes.io/instance={name},app.kubernetes.io/managed-by=batchwright"
        deadline = time.monotonic() + seconds
        while True:
            kinds = (*OWNED, "ReplicaSet", "Pod")
            left = [item for kind in kinds for item in await self._of(kind, labels)]
            if not left:
                return
            assert time.monotonic() < deadline, [item["metadata"]["name"] for item in left]
            await asyncio.sleep(0.1)

    async def _of(self, kind: str, labels: str) -> list[Object]:
        return await self.api.list(kind, self.namespace, labels=labels)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints of this namespace."""
        return self.cluster.kubectl(*arguments, f"--namespace={self.namespace}", stdin=stdin)

    def say(self, what: str) -> None:
        """Print what happened, and at which second of the scene."""
        print(f"{time.monotonic() - self._began:6.1f} s  {what}")  # noqa: T201  for those who run with -s


def condition(found: Object, kind: str) -> dict[str, Any]:
    """One condition of an object's status; empty if it has none."""
    conditions = found.get("status", {}).get("conditions") or ()
    return next((item for item in conditions if item["type"] == kind), {})


def is_told(kind: str, reason: str, status: str = "False") -> Callable[[Object], bool]:
    """Whether a condition says that of the newest edit."""

    def check(found: Object) -> bool:
        one = condition(found, kind)
        is_new = one.get("observedGeneration") == found["metadata"]["generation"]
        return is_new and (one["reason"], one["status"]) == (reason, status)

    return check


def all_hold(found: Object) -> bool:
    """Whether all conditions of a ModelServer are true of the newest edit."""
    return all(holds(found, kind) for kind in CONDITIONS)


def holds(found: Object, kind: str) -> bool:
    """Whether a condition is true of the newest edit."""
    one, newest = condition(found, kind), found["metadata"]["generation"]
    return one.get("status") == "True" and one["observedGeneration"] == newest


def _controller(found: Object) -> dict[str, Any] | None:
    references = found["metadata"].get("ownerReferences") or ()
    return next((item for item in references if item.get("controller")), None)


def _version(kind: str, item: Object) -> str:
    if kind in ("ModelServer", "Pipeline"):
        return str(item["metadata"]["resourceVersion"])
    # The status of other kinds is Kubernetes' own to write; all the rest may be an operator's.
    metadata = {key: item["metadata"][key] for key in item["metadata"] if key != "resourceVersion"}
    fields = metadata.pop("managedFields", [])
    metadata["managedFields"] = [entry for entry in fields if "subresource" not in entry]
    return str({key: item[key] for key in item if key != "status"} | {"metadata": metadata})
