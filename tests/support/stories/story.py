"""What a story needs: a namespace with the sample models in it, timed steps, and the operator."""

import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.cluster import workloads
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.node.images import ROOT
from tests.support.polling import eventually
from tests.support.stories import clientpods, installation, logscan

SAMPLES = ROOT / "build" / "models"
EXAMPLES = ROOT / "example_client" / "manifests"


@dataclass
class Story:
    """One namespace of `cluster`. `lines` are what it tells its readers."""

    cluster: Cluster
    installation: installation.Installation
    api: ApiClient
    namespace: str
    lines: list[str] = field(default_factory=list)

    async def open(self) -> None:
        """Make the namespace, with the sample models on a claim."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": self.namespace, "labels": labels}
        await self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        await self.api.wait_for("ServiceAccount", "default", self.namespace, until=bool)
        await workloads.create_claim(self.api, self.namespace, clientpods.MODELS, SAMPLES)

    async def close(self) -> list[str]:
        """Take the namespace away; the tracebacks in the logs of its pods and of the operator's."""
        faults = await logscan.find_faults(self.api, self.namespace)
        faults += await logscan.find_faults(self.api, installation.NAMESPACE)
        await self._end_pods()
        await self.api.delete("Namespace", self.namespace)
        await self.api.wait_until_gone("Namespace", self.namespace, seconds=90)
        await self.api.delete_if_there("PersistentVolume", f"{self.namespace}-{clientpods.MODELS}")
        return faults

    async def _end_pods(self) -> None:
        # A namespace whose pods may take two minutes to end looks at them again only after one.
        for server in await self.api.list("ModelServer", self.namespace):
            await self.api.delete("ModelServer", server["metadata"]["name"], self.namespace)
        await eventually(self._has_no_pods, seconds=60, interval=0.3)

    async def _has_no_pods(self) -> bool:
        names = [pod["metadata"]["name"] for pod in await self.api.list("Pod", self.namespace)]
        for name in names:
            await self.api.delete_if_there("Pod", name, self.namespace, grace_seconds=1)
        return not names

    def say(self, line: str) -> None:
        """Tell the readers something: at once with `-s`, and after all stories."""
        sys.stdout.write(f"\n  {line}\n")
        sys.stdout.flush()
        self.lines.append(line)

    @contextmanager
    def within(self, seconds: float, what: str) -> Iterator[None]:
        """A step that takes at most `seconds`; how many it took is told."""
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        self.say(f"{what}: {took:.1f} s (at most {seconds:.0f})")
        assert took <= seconds, f"{what} took {took:.1f} s, more than {seconds}"

    async def edit(self, name: str, patch: Object) -> None:
        """Change the spec of a ModelServer."""
        await self.api.patch("ModelServer", name, self.namespace, patch={"spec": patch})

    def apply_file(self, path: Path) -> None:
        """`kubectl apply` of a file."""
        self.cluster.kubectl("apply", "--namespace", self.namespace, "--filename", str(path))

    async def create_server(self, name: str, **spec: Any) -> None:
        """Create a ModelServer."""
        body = {"apiVersion": "batchwright.dev/v1alpha1", "kind": "ModelServer"}
        manifest = {**body, "metadata": {"name": name}, "spec": spec}
        await self.api.create(manifest, namespace=self.namespace)

    async def wait_for_server(
        self, name: str, *, until: Callable[[Object], bool] | None = None, seconds: float = 120
    ) -> Object:
        """The ModelServer once it is ready, or as `until` wants it."""
        return await self.api.wait_for(
            "ModelServer", name, self.namespace, until=until or is_ready, seconds=seconds
        )

    def tiny(self, name: str, **more: Any) -> Object:
        """One model, the smallest of the samples, as a user writes it."""
        source = {"pvc": {"claimName": clientpods.MODELS, "path": "tiny"}}
        return {"name": name, "source": source, **more}

    def ask_tiny(self, server: str, model: str, **more: Any) -> clientpods.Question:
        """Traffic for such a model, spread over the pods of its ModelServer."""
        address = f"dns:///{server}-headless.{self.namespace}.svc.cluster.local:9000"
        return clientpods.Question(address, model, "input", "probabilities", "64", **more)

    async def pods(self, name: str) -> list[Object]:
        """The pods of a ModelServer that are not on their way out."""
        found = await self.api.list("Pod", self.namespace, labels=f"app.kubernetes.io/instance={name}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def wait_for_pods(self, name: str, count: int, *, seconds: float = 120) -> None:
        """Return once there are so many ready pods, and the Deployment wants no other."""
        await self.api.wait_for(
            "Deployment",
            name,
            self.namespace,
            until=lambda found: _is_rolled_out(found, count),
            seconds=seconds,
        )

    async def run_client(
        self, arguments: Sequence[str], *, seconds: float = 180.0, **labels: str
    ) -> str:
        """What the example client prints, in a pod; it must succeed."""
        code, text = await clientpods.run_client(
            self.api, self.namespace, arguments, labels=labels, seconds=seconds
        )
        assert code == 0, text[-3000:]
        return text

    @asynccontextmanager
    async def traffic(self, question: clientpods.Question) -> AsyncIterator[clientpods.Traffic]:
        """Requests all the time of the block, which must all be answered, and rightly."""
        async with clientpods.traffic(self.api, self.namespace, question) as asking:
            yield asking
            told = await asking.end()
        self.say(
            f"traffic: {told['answered']} requests, {told['samples']} samples, "
            f"slowest {told['slowest_seconds']} s, failed {sum(told['failures'].values())}"
        )
        assert told["failures"] == {}, json.dumps(told["failures"], indent=1)
        assert told["wrong"] == 0
        assert told["answered"] > 0


def is_ready(server: Object) -> bool:
    """Whether a ModelServer's status says that what is in its spec is served."""
    status = server.get("status", {})
    conditions = {item["type"]: item for item in status.get("conditions", ())}
    ready = conditions.get("Ready", {})
    is_current = ready.get("observedGeneration") == server["metadata"]["generation"]
    return bool(is_current and ready.get("status") == "True")


def _is_rolled_out(deployment: Object, count: int) -> bool:
    status = deployment.get("status", {})
    is_seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    has_old = status.get("updatedReplicas", 0) != status.get("replicas", 0)
    return bool(is_seen and not has_old and status.get("readyReplicas", 0) == count)
