"""The node as the API server sees it: registered, ready, its Lease renewed."""

import asyncio
import time
from datetime import UTC, datetime

from tests.support.cluster.apiclient import ApiClient, ApiError, Object, Patch
from tests.support.cluster.kubelet.addresses import NODE_ADDRESS
from tests.support.cluster.kubelet.podstatus import now
from tests.support.cluster.kubelet.podworker import Failures

_LEASE_NAMESPACE = "kube-node-lease"
_RENEW_SECONDS = 3.0
_STATUS_SECONDS = 30.0
_RETRY_SECONDS = 0.3
_AMOUNTS = {"cpu": "256", "memory": "1Ti", "pods": "1000", "ephemeral-storage": "1Ti"}


async def keep_registered(api: ApiClient, name: str) -> None:
    """Register the node and keep it ready, for ever, whatever happens to the API server."""
    status_at = 0.0
    while True:
        try:
            if time.monotonic() >= status_at:
                await _register(api, name)
                status_at = time.monotonic() + _STATUS_SECONDS
            await _renew(api, name)
        except Failures:
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            await asyncio.sleep(_RENEW_SECONDS)


async def _register(api: ApiClient, name: str) -> None:
    if await api.find("Node", name) is None:
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
        metadata = {"name": name, "labels": labels}
        await api.create({"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    ready: Object = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "servers run as processes",
        "lastHeartbeatTime": now(),
    }
    status = {
        "capacity": _AMOUNTS,
        "allocatable": _AMOUNTS,
        "addresses": [{"type": "InternalIP", "address": NODE_ADDRESS}],
        "conditions": [ready],
    }
    await api.patch("Node", name, patch={"status": status}, how=Patch.STRATEGIC, subresource="status")


async def _renew(api: ApiClient, name: str) -> None:
    renewed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed}
    try:
        await api.patch("Lease", name, _LEASE_NAMESPACE, patch={"spec": spec})
    except ApiError as error:
        if error.status != 404:
            raise
        metadata = {"name": name, "namespace": _LEASE_NAMESPACE}
        await api.create(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": metadata,
                "spec": spec,
            }
        )
