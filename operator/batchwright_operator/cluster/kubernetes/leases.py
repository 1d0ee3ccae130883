"""The Lease of the leader's election in the API group coordination.k8s.io."""

from datetime import datetime
from typing import Any

from batchwright_operator.cluster.errors import Outdated
from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.eventrecorder import format_micro
from batchwright_operator.cluster.kubernetes.failures import Missing
from batchwright_operator.cluster.kubernetes.resources_table import route_of
from batchwright_operator.render.names import Manifest
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.workqueue.lease import Lease


class LeaseStore:
    """One Lease, read and written under its resourceVersion."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        self._client = client
        self._key = ObjectKey(namespace, name)

    async def read(self) -> Lease | None:
        """The record; None if there is none."""
        try:
            return _parse(await self._client.get("Lease", self._key))
        except Missing:
            return None

    async def create(self, lease: Lease) -> Lease:
        """The record as it was created. Raises Outdated if there is one."""
        return _parse(await self._client.create(self._manifest(lease)))

    async def update(self, lease: Lease) -> Lease:
        """The record as it was written. Raises Outdated unless its resource_version was the newest."""
        if not lease.resource_version:  # without one, the API server would write over anything
            raise Outdated("a Lease is updated only under the resourceVersion it was read with")
        return _parse(await self._client.replace(self._manifest(lease)))

    def _manifest(self, lease: Lease) -> Manifest:
        version = {"resourceVersion": lease.resource_version} if lease.resource_version else {}
        spec = {
            "holderIdentity": lease.holder,
            "leaseDurationSeconds": lease.duration_seconds or None,
            "acquireTime": _format(lease.acquire_time),
            "renewTime": _format(lease.renew_time),
            "leaseTransitions": lease.transitions,
        }
        return {
            "apiVersion": route_of("Lease").api_version,
            "kind": "Lease",
            "metadata": {"namespace": self._key.namespace, "name": self._key.name, **version},
            "spec": {key: value for key, value in spec.items() if value is not None},
        }


def _parse(raw: Manifest) -> Lease:
    spec: dict[str, Any] = raw.get("spec") or {}
    return Lease(
        holder=str(spec.get("holderIdentity") or ""),
        renew_time=_time(spec.get("renewTime")),
        acquire_time=_time(spec.get("acquireTime")),
        transitions=int(spec.get("leaseTransitions") or 0),
        duration_seconds=int(spec.get("leaseDurationSeconds") or 0),
        resource_version=str(raw["metadata"]["resourceVersion"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _format(at: datetime | None) -> str | None:
    return format_micro(at.timestamp()) if at is not None else None
