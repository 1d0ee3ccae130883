"""The kind ServiceMonitor for clusters without the Prometheus operator: it keeps what it is given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.cluster.apiclient import ApiClient, Object

_NAME = "servicemonitors.monitoring.coreos.com"
_KIND = "CustomResourceDefinition"


@asynccontextmanager
async def monitors(api: ApiClient) -> AsyncIterator[None]:
    """There is such a kind within the block."""
    if await api.find(_KIND, _NAME) is not None:
        yield
        return
    await api.create(_definition())
    await api.wait_for(_KIND, _NAME, until=_is_established)
    try:
        yield
    finally:
        await api.delete(_KIND, _NAME)
        await api.wait_until_gone(_KIND, _NAME)


def _definition() -> Object:
    names = {"kind": "ServiceMonitor", "plural": "servicemonitors", "singular": "servicemonitor"}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything}}
    version: dict[str, Any] = {"name": "v1", "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": _KIND,
        "metadata": {"name": _NAME},
        "spec": {
            "group": "monitoring.coreos.com",
            "names": {**names, "listKind": "ServiceMonitorList"},
            "scope": "Namespaced",
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def _is_established(definition: Object) -> bool:
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)
