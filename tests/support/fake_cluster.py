"""A cluster that is only remembered: objects with versions, pods that start when told, faults at will.

A test holds it to what the local cluster does (tests/unit/operator/cluster/test_clusters.py).
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from batchwright_operator.cluster.errors import Outdated
from batchwright_operator.reconcile.observed import Observed, Phase, Pod
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.render import names
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus
from tests.support.fake_pods import FakePod, FakePods

Trouble = Callable[[str], None]  # is given each write ("apply ConfigMap"), and may raise


class FakeCluster:
    """One ModelServer's cluster. `step` does what a cluster does by itself."""

    def __init__(self, pods: FakePods | None = None) -> None:
        self.pods = pods or FakePods()
        self.objects: dict[tuple[str, str], names.Manifest] = {}
        self.status: ModelServerStatus | None = None
        self.events: list[Event] = []
        self.writes: list[str] = []
        self.pipelines: dict[str, PipelineStatus] = {}
        self.trouble: Trouble = lambda _: None  # before a write
        self.afterwards: Trouble = lambda _: None
        self.authority: str | None = None
        self.shown: list[Pod] = []
        self.commits: list[str] = []  # every document that pods could have started from
        self._version = 0
        self._made = 0

    async def observe(self, server: ModelServer) -> Observed:
        return Observed(tuple(self.objects.values()), tuple(self.shown))

    async def apply(self, server: ModelServer, manifest: names.Manifest) -> None:
        key = manifest["kind"], manifest["metadata"]["name"]
        self.trouble(f"apply {manifest['kind']}")
        expected = manifest["metadata"].get("resourceVersion")
        found = self.objects.get(key, manifest)["metadata"].get("resourceVersion")
        if expected is not None and found != expected:
            raise Outdated(f"{key}: expected version {expected}, found {found}")
        self._version += 1
        version = {"resourceVersion": str(self._version)}
        self.objects[key] = {**manifest, "metadata": {**manifest["metadata"], **version}}
        if manifest["kind"] == "ConfigMap":
            self.commits.append(manifest["data"][names.CONFIG_FILE])
        self._wrote(f"apply {manifest['kind']}")

    async def delete(self, server: ModelServer, kind: str, name: str) -> None:
        self.trouble(f"delete {kind}")
        self.objects.pop((kind, name), None)
        self._wrote(f"delete {kind}")

    async def read_ca(self, server: ModelServer) -> str | None:
        return self.authority

    async def read_status(self, key: ObjectKey) -> ModelServerStatus | None:
        return self.status

    async def read_pipeline_status(self, key: ObjectKey, name: str) -> PipelineStatus | None:
        return self.pipelines.get(name)

    async def write_status(self, server: ModelServer, status: ModelServerStatus) -> None:
        self.trouble("status")
        self.status = status
        self._wrote("status")

    async def write_pipeline_status(
        self, key: ObjectKey, name: str, status: PipelineStatus | None
    ) -> None:
        self.trouble(f"status of {name}")
        self.pipelines.pop(name, None)
        if status is not None:
            self.pipelines[name] = status
        self._wrote(f"status of {name}")

    async def record_event(self, server: ModelServer, event: Event) -> None:
        self.trouble("event")
        self.events.append(event)
        self._wrote("event")

    def step(self) -> None:
        """As many pods as the Deployment wants, of its template and ready; surplus and old ones go."""
        deployment = next((one for (kind, _), one in self.objects.items() if kind == "Deployment"), None)
        if deployment is None or self.document is None:
            return
        metadata = deployment["spec"]["template"]["metadata"]
        template = metadata.get("annotations", {}).get(names.TEMPLATE_HASH, "")
        wanted = deployment["spec"]["replicas"]
        kept = [pod for pod in self.shown if pod.template == template][:wanted]
        for pod in self.shown:
            if pod not in kept:
                self.pods.pods.pop(pod.address, None)
        self.shown = kept
        while len(self.shown) < wanted:
            self.start(template)

    def start(self, template: str = "") -> Pod:
        """One more pod, which begins with what is committed."""
        self._made += 1
        ip = f"10.0.0.{self._made}"
        pod = Pod(f"pod-{self._made}", ip, Phase.RUNNING, template=template, ready=True)
        assert self.document is not None
        self.pods.pods[pod.address] = FakePod(self.document.encode(), process=pod.name)
        self.shown.append(pod)
        return pod

    def edit(self, kind: str, name: str, path: tuple[str, ...], value: object) -> None:
        """Somebody else's change of one leaf of an object."""
        edited = copy.deepcopy(self.objects[kind, name])
        inner: Any = edited
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        self._version += 1
        edited["metadata"]["resourceVersion"] = str(self._version)
        self.objects[kind, name] = edited

    def lose_pods(self) -> None:
        """All pods are gone at once."""
        self.shown = []
        self.pods.pods.clear()

    def show(self, name: str, **changes: Any) -> None:
        """Let a pod be seen otherwise."""
        self.shown = [replace(pod, **changes) if pod.name == name else pod for pod in self.shown]

    def fake(self, index: int) -> FakePod:
        """The pod at that place, from its own side."""
        return self.pods.pods[self.shown[index].address]

    @property
    def document(self) -> str | None:
        """What pods start from."""
        found = next((one for (kind, _), one in self.objects.items() if kind == "ConfigMap"), None)
        return str(found["data"][names.CONFIG_FILE]) if found is not None else None

    def _wrote(self, what: str) -> None:
        self.writes.append(what)
        self.afterwards(what)
