"""The cluster port over a Kubernetes API server: reads come from the store, writes go to the server."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from batchwright_operator.cluster.kubernetes import podreading
from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.eventrecorder import EventRecorder
from batchwright_operator.cluster.kubernetes.failures import Missing
from batchwright_operator.cluster.kubernetes.objects import Objects, is_of
from batchwright_operator.cluster.kubernetes.podowners import PodOwners
from batchwright_operator.cluster.kubernetes.remembered import Remembered
from batchwright_operator.cluster.kubernetes.statuswriter import StatusWriter, server_ident
from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.reconcile.observed import Observed, Pod
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources import modelserver, pipeline
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus

CA_SECONDS = 60.0


@dataclass(frozen=True)
class _Authority:
    text: str | None
    at: float


class KubernetesCluster:
    """All ModelServers of an API server. `identity` names this replica in events."""

    def __init__(
        self,
        client: Client,
        store: Store,
        *,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._objects = Objects(client, store)
        self._statuses = StatusWriter(client, self._objects, clock)
        self._events = EventRecorder(client, identity, clock)
        self._owners = PodOwners(client, clock)
        self._deployments: Remembered[str, tuple[str, ...]] = Remembered()  # by a ModelServer's uid
        self._ready_restarts: Remembered[str, int] = Remembered()  # by a pod's uid
        self._authorities: Remembered[tuple[ObjectKey, str], _Authority] = Remembered()

    async def observe(self, server: ModelServer) -> Observed:
        """What exists for the object, and is its own by its owner's uid.

        A call is made only for a ReplicaSet that was not seen before, and for figures that are due.
        """
        await self._statuses.flush(server_ident(server.key))
        objects = tuple(item for item in self._store.owned_by(server.key) if is_of(server, item))
        settled = (item for item in objects if self._objects.is_settled(item))
        return Observed(
            objects=objects,
            pods=await self._pods(server, objects),
            settled=frozenset((item["kind"], item["metadata"]["name"]) for item in settled),
        )

    async def apply(self, server: ModelServer, manifest: Manifest) -> None:
        """Create the object, or apply it under its uid; one that is not ours is left alone."""
        await self._objects.apply(server, manifest)

    async def delete(self, server: ModelServer, kind: str, name: str) -> None:
        """Remove one object, if it is the ModelServer's."""
        await self._objects.delete(server, kind, ObjectKey(server.key.namespace, name))

    async def read_ca(self, server: ModelServer) -> str | None:
        """The certificates that spec.tls.caConfigMap names, as they were within the last minute."""
        tls = server.spec.tls
        if tls is None or tls.ca_config_map is None:
            return None
        place = (ObjectKey(server.key.namespace, tls.ca_config_map.name), tls.ca_config_map.key)
        known = self._authorities.get(place)
        if known is None or self._clock() - known.at >= CA_SECONDS:
            known = _Authority(await self._read_text(*place), self._clock())
            self._authorities.put(place, known)
        return known.text

    async def read_status(self, key: ObjectKey) -> ModelServerStatus | None:
        """The status as it was last written by anybody."""
        found = self._statuses.read(server_ident(key))
        return found if isinstance(found, ModelServerStatus) else None

    async def read_pipeline_status(self, key: ObjectKey, name: str) -> PipelineStatus | None:
        """The same of a Pipeline."""
        found = self._statuses.read((pipeline.KIND, ObjectKey(key.namespace, name)))
        return found if isinstance(found, PipelineStatus) else None

    async def write_status(self, server: ModelServer, status: ModelServerStatus) -> None:
        """Keep the status: at once where something has happened, figures once a minute."""
        version = server.metadata.resource_version
        await self._statuses.write(server_ident(server.key), status, version)

    async def write_pipeline_status(
        self, key: ObjectKey, name: str, status: PipelineStatus | None
    ) -> None:
        """Keep a Pipeline's status in the same way; of one that is gone, it is gone with it."""
        ident = (pipeline.KIND, ObjectKey(key.namespace, name))
        if status is not None and self._store.get(*ident) is not None:
            await self._statuses.write(ident, status)

    async def record_event(self, server: ModelServer, event: Event) -> None:
        """Tell of the object, or of its Pipeline, by an event of the API; what is gone has none."""
        regarding = self._store.get(modelserver.KIND, server.key)
        if event.pipeline:
            key = ObjectKey(server.key.namespace, event.pipeline)
            regarding = self._store.get(pipeline.KIND, key) or regarding
        if regarding is not None:
            await self._events.record(regarding, event)

    async def _pods(self, server: ModelServer, objects: Iterable[Manifest]) -> tuple[Pod, ...]:
        deployments = self._known_deployments(server, objects)
        owned = await self._owners.owned(self._store.pods_of(server.key), deployments)
        return tuple(self._read_pod(raw) for raw in owned)

    def _known_deployments(self, server: ModelServer, objects: Iterable[Manifest]) -> tuple[str, ...]:
        """The Deployment's uid and that of the one before: pods outlive a Deployment that is deleted."""
        known = self._deployments.get(server.metadata.uid) or ()
        found = (item["metadata"]["uid"] for item in objects if item["kind"] == "Deployment")
        uid = next(found, None)
        if uid is not None and uid not in known[:1]:
            known = (uid, *known[:1])
            self._deployments.put(server.metadata.uid, known)
        return known

    def _read_pod(self, raw: Manifest) -> Pod:
        uid = raw["metadata"]["uid"]
        pod = podreading.read_pod(raw, self._ready_restarts.get(uid))
        if pod.ready:
            self._ready_restarts.put(uid, pod.restarts)
        return pod

    async def _read_text(self, key: ObjectKey, item: str) -> str | None:
        try:
            data = (await self._client.get("ConfigMap", key)).get("data") or {}
        except Missing:
            return None
        return str(data[item]) if item in data else None
