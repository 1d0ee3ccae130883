"""Many ModelServers on an API server: made, and counted with what is rendered for them."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.kinds import find_kind

PER_NAMESPACE = 250
OWNED = ("ConfigMap", "Deployment", "PodDisruptionBudget", "Service", "Service", "ServiceAccount")
"""The kinds that are rendered for each."""

_AT_ONCE = 8


def namespace_of(number: int) -> str:
    """The namespace of the so-manieth object."""
    return f"scale-{number // PER_NAMESPACE}"


def server_manifest(name: str, replicas: int, strategy: str = "Adaptive") -> Object:
    """A ModelServer with two models."""
    models = [_model(f"model-{index}", strategy) for index in range(2)]
    return {
        "apiVersion": "batchwright.dev/v1alpha1",
        "kind": "ModelServer",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "models": models},
    }


def _model(name: str, strategy: str) -> dict[str, Any]:
    source = {"image": {"reference": "registry.example/models:1", "path": name}}
    return {"name": name, "source": source, "batching": {"strategy": strategy}}


async def create_namespaces(api: ApiClient, count: int) -> None:
    """The namespaces for `count` objects, ready to be used."""
    for name in sorted({namespace_of(number) for number in range(count)}):
        await api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        await api.wait_for("ServiceAccount", "default", name, until=bool)
        await api.wait_for("ConfigMap", "kube-root-ca.crt", name, until=bool)


async def create_servers(api: ApiClient, count: int, tell: Callable[[], None]) -> None:
    """So many ModelServers without pods; `tell` is called for each."""
    numbers = iter(range(count))

    async def create() -> None:
        for number in numbers:
            manifest = server_manifest(f"server-{number}", replicas=0)
            await api.create(manifest, namespace=namespace_of(number))
            tell()

    await asyncio.gather(*(create() for _ in range(_AT_ONCE)))


async def count_owned(api: ApiClient) -> int:
    """How many objects there are of the kinds that are rendered, whosever they are."""
    return sum([await _count(api, kind) for kind in sorted(set(OWNED))])


async def _count(api: ApiClient, kind: str) -> int:
    # Without a selector the API server tells how many it leaves out, and lists none of them.
    answer = await api.call("GET", find_kind(kind).path(), query={"limit": "1"})
    return len(answer["items"]) + int(answer["metadata"].get("remainingItemCount", 0))
