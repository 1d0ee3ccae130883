"""Statuses, written when something has happened; mere figures once a minute, by the next look."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from batchwright_operator.cluster.errors import ClusterError, Outdated
from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.failures import UnknownKind
from batchwright_operator.cluster.kubernetes.objects import Objects
from batchwright_operator.cluster.kubernetes.remembered import Remembered
from batchwright_operator.cluster.kubernetes.store import Ident
from batchwright_operator.reconcile.statuswrites import is_transition
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources import modelserver
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus

FIGURES_SECONDS = 60.0

Status = ModelServerStatus | PipelineStatus
_log = logging.getLogger(__name__)


class StatusWriter:
    """Writes through the /status subresource, each under the resourceVersion that was read."""

    def __init__(self, client: Client, objects: Objects, clock: Callable[[], float]) -> None:
        self._client = client
        self._objects = objects
        self._clock = clock
        self._written: Remembered[Ident, float] = Remembered()
        self._waiting: Remembered[Ident, Status] = Remembered()
        self._versions: Remembered[Ident, tuple[str, str]] = Remembered()
        self._in_doubt: Remembered[Ident, bool] = Remembered()  # failed, yet perhaps written

    def read(self, ident: Ident) -> Status | None:
        """The status as it was last written; None if there is none that can be read."""
        raw = self._objects.store.get(*ident)
        return parse_status(ident[0], (raw or {}).get("status"))

    async def write(self, ident: Ident, status: Status, version: str = "") -> None:
        """Keep a status; with a `version` only if it is still the object's. Raises Outdated."""
        raw = self._objects.store.get(*ident)
        if raw is None:
            raise Outdated(f"{ident[0]} {ident[1]} is gone")
        self._waiting.pop(ident)
        old = self.read(ident)
        if not self._in_doubt.get(ident):
            if status == old:
                return
            if not is_transition(old, status) and not self._is_due(ident):
                self._waiting.put(ident, status)
                return
        await self._send(ident, status, version or raw["metadata"]["resourceVersion"])

    async def flush(self, ident: Ident) -> None:
        """Write figures that have waited long enough. They are no reason to fail."""
        status, raw = self._waiting.get(ident), self._objects.store.get(*ident)
        if status is None or raw is None or not self._is_due(ident):
            return
        self._waiting.pop(ident)
        try:
            await self._send(ident, status, raw["metadata"]["resourceVersion"])
        except ClusterError as error:
            _log.info("figures of %s %s were not written: %s", *ident, error)

    def _is_due(self, ident: Ident) -> bool:
        written = self._written.get(ident)
        return written is None or self._clock() - written >= FIGURES_SECONDS

    async def _send(self, ident: Ident, status: Status, version: str) -> None:
        # A run may write twice on one reading: what it wrote itself in between is no news to it.
        begun, newest = self._versions.get(ident) or ("", "")
        precondition = newest if version == begun else version
        changes: list[Manifest] = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": precondition},
            {"op": "add", "path": "/status", "value": status.model_dump(mode="json", by_alias=True)},
        ]
        self._in_doubt.put(ident, True)
        try:
            async with self._objects.fresh_after_conflict(*ident):
                answer = await self._client.patch(*ident, changes, subresource="status")
        except UnknownKind as error:  # no user's fault: all objects of the kind go with its definition
            raise Outdated(f"the definition of {ident[0]} is gone: {error}") from error
        self._in_doubt.pop(ident)
        self._objects.store.upsert(ident[0], answer)
        self._written.put(ident, self._clock())
        self._versions.put(ident, (version, answer["metadata"]["resourceVersion"]))


def parse_status(kind: str, document: Mapping[str, Any] | None) -> Status | None:
    """A status as it was written; None for none, or one that cannot be read."""
    model = ModelServerStatus if kind == modelserver.KIND else PipelineStatus
    try:
        return model.model_validate(document) if document else None
    except ValidationError:
        return None


def server_ident(key: ObjectKey) -> Ident:
    """A ModelServer among all objects."""
    return modelserver.KIND, key
