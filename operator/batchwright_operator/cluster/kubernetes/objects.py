"""Owned objects: created, applied and deleted, and never taken from anybody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from batchwright_operator.cluster.errors import ClusterError, NotOurs, Outdated, Unavailable
from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.failures import AlreadyThere, Missing
from batchwright_operator.cluster.kubernetes.ownership import (
    Raw,
    controller_of,
    describe_owner,
    key_of,
    server_of,
)
from batchwright_operator.cluster.kubernetes.remembered import Remembered
from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.render import bundle
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources import modelserver, pipeline
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer

_SOON_SECONDS = 1.0
_WATCHED = (modelserver.KIND, pipeline.KIND)  # whatever their labels


class Objects:
    """Writes whose answers go into the store at once; the watch brings them only later."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self.store = store
        self._settled: Remembered[str, tuple[str | None, str]] = Remembered()  # by uid

    async def apply(self, server: ModelServer, manifest: Manifest) -> None:
        """Make an object what the manifest says. Raises NotOurs, Outdated and other ClusterErrors."""
        kind, key = manifest["kind"], key_of(manifest)
        found = self.store.get(kind, key)
        if found is None:
            found = await self._create(manifest)
        if found is not None:
            _check_ours(server, found)
            self.store.upsert(kind, found)
            async with self.fresh_after_conflict(kind, key):
                await self._update(manifest, found)

    async def delete(self, server: ModelServer, kind: str, key: ObjectKey) -> None:
        """Remove an object that is the ModelServer's; one that is not is left alone."""
        found = self.store.get(kind, key)
        if found is None or not is_of(server, found):
            return
        with suppress(Missing):
            async with self.fresh_after_conflict(kind, key):
                await self._client.delete(kind, key, uid=found["metadata"]["uid"])
        self.store.remove(kind, found)

    def is_settled(self, found: Manifest) -> bool:
        """Whether an apply of what the object is marked with changed nothing, and nobody did since."""
        metadata = found["metadata"]
        told = self._settled.get(metadata["uid"])
        return told == (bundle.rendered_hash(found), metadata["resourceVersion"])

    @asynccontextmanager
    async def fresh_after_conflict(self, kind: str, key: ObjectKey) -> AsyncIterator[None]:
        """Within it, Outdated brings the store up to date first, so that the next run knows better."""
        try:
            yield
        except Outdated:
            with suppress(ClusterError):
                await self._refresh(kind, key)
            raise

    async def _create(self, manifest: Manifest) -> Manifest | None:
        """Create an object; gives the one that is there already, if one is."""
        kind, key = manifest["kind"], key_of(manifest)
        if "resourceVersion" in manifest["metadata"]:
            raise Outdated(f"{kind} {key.name} is gone")
        try:
            self.store.upsert(kind, await self._client.create(manifest))
        except AlreadyThere:
            return await self._client.get(kind, key)
        return None

    async def _update(self, manifest: Manifest, found: Manifest) -> None:
        kind, key = manifest["kind"], key_of(manifest)
        version = found["metadata"]["resourceVersion"]
        wanted = manifest["metadata"].get("resourceVersion", version)
        if wanted != version:
            raise Outdated(f"{kind} {key.name} was changed: at {version}, no longer at {wanted}")
        version = await self._leave_fields_to_applies(kind, key) or version
        metadata = {**manifest["metadata"], "uid": found["metadata"]["uid"]}
        if "resourceVersion" in metadata:
            metadata["resourceVersion"] = version
        answer = await self._client.apply({**manifest, "metadata": metadata})
        if answer["metadata"]["resourceVersion"] == version:
            self._settled.put(answer["metadata"]["uid"], (bundle.rendered_hash(answer), version))
        self.store.upsert(kind, answer)

    async def _leave_fields_to_applies(self, kind: str, key: ObjectKey) -> str | None:
        transfer = self.store.transfer_of(kind, key)
        if not transfer:
            return None
        answer = await self._client.patch(kind, key, transfer)
        self.store.upsert(kind, answer)
        return str(answer["metadata"]["resourceVersion"])

    async def _refresh(self, kind: str, key: ObjectKey) -> None:
        known = self.store.version_of(kind, key)
        try:
            found = await self._client.get(kind, key)
        except Missing:
            self.store.remove_named(kind, key, known)
            return
        if kind in _WATCHED or server_of(found) is not None:
            self.store.upsert(kind, found)


def is_of(server: ModelServer, found: Raw) -> bool:
    """Whether an object is controlled by this very ModelServer."""
    return controller_of(found).get("uid") == server.metadata.uid


def _check_ours(server: ModelServer, found: Manifest) -> None:
    if is_of(server, found):
        return
    owner, name = controller_of(found), found["metadata"]["name"]
    if (owner.get("kind"), owner.get("name")) == (modelserver.KIND, server.name):
        told = f"{found['kind']} {name} of an earlier ModelServer {server.name} is still being removed"
        raise Unavailable(told, _SOON_SECONDS)
    raise NotOurs(str(found["kind"]), name, describe_owner(found))
