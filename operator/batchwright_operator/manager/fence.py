"""Nothing is written by a replica that does not surely lead: one that was paused has yet to notice."""

from collections.abc import Callable

from batchwright_operator.cluster.errors import Unavailable
from batchwright_operator.cluster.port import Cluster
from batchwright_operator.pods.client import Configured, PodClient, Target
from batchwright_operator.reconcile.observed import Observed, Report, Unreachable
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus

_WHY = "this replica does not lead"


class FencedCluster:
    """A cluster that is written only while `leads` says so."""

    def __init__(self, cluster: Cluster, leads: Callable[[], bool]) -> None:
        self._cluster = cluster
        self._leads = leads

    async def observe(self, server: ModelServer) -> Observed:
        return await self._cluster.observe(server)

    async def apply(self, server: ModelServer, manifest: Manifest) -> None:
        self._check()
        await self._cluster.apply(server, manifest)

    async def delete(self, server: ModelServer, kind: str, name: str) -> None:
        self._check()
        await self._cluster.delete(server, kind, name)

    async def read_ca(self, server: ModelServer) -> str | None:
        return await self._cluster.read_ca(server)

    async def read_status(self, key: ObjectKey) -> ModelServerStatus | None:
        return await self._cluster.read_status(key)

    async def read_pipeline_status(self, key: ObjectKey, name: str) -> PipelineStatus | None:
        return await self._cluster.read_pipeline_status(key, name)

    async def write_status(self, server: ModelServer, status: ModelServerStatus) -> None:
        self._check()
        await self._cluster.write_status(server, status)

    async def write_pipeline_status(
        self, key: ObjectKey, name: str, status: PipelineStatus | None
    ) -> None:
        self._check()
        await self._cluster.write_pipeline_status(key, name, status)

    async def record_event(self, server: ModelServer, event: Event) -> None:
        self._check()
        await self._cluster.record_event(server, event)

    def _check(self) -> None:
        if not self._leads():
            raise Unavailable(_WHY)


class FencedPods:
    """Pods that are told something only while `leads` says so."""

    def __init__(self, pods: PodClient, leads: Callable[[], bool]) -> None:
        self._pods = pods
        self._leads = leads

    async def read(self, target: Target) -> Report:
        return await self._pods.read(target)

    async def configure(self, target: Target, document: bytes) -> Configured | Unreachable:
        if not self._leads():
            return Unreachable(_WHY)
        return await self._pods.configure(target, document)
