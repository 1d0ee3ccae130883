"""What a watch has missed, found by comparing names and versions now and then.

An object that is deleted between two watches is never told of: a new list just does not have it. And
kinds that are not watched change unseen.
"""

from collections.abc import Iterable

from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.failures import Missing
from batchwright_operator.cluster.kubernetes.ownership import key_of
from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.render.names import MANAGER
from batchwright_operator.resources import modelserver, pipeline
from batchwright_operator.resources.metadata import ObjectKey

SELECTOR = f"app.kubernetes.io/managed-by={MANAGER}"
_USERS = (modelserver.KIND, pipeline.KIND)  # whatever their labels


async def sweep(
    client: Client, store: Store, namespaces: Iterable[str] = ("",)
) -> tuple[ObjectKey, ...]:
    """Bring the store up to date and tell which ModelServers that concerns. Raises ClusterError.

    Costs a list of names for each kind that there is anything of, and a call for each object missed.
    """
    found: dict[ObjectKey, None] = {}
    for kind in store.kinds():
        for namespace in namespaces:
            found |= dict.fromkeys(await _sweep_kind(client, store, kind, namespace))
    return tuple(found)


async def _sweep_kind(client: Client, store: Store, kind: str, namespace: str) -> list[ObjectKey]:
    selector = "" if kind in _USERS else SELECTOR
    items, version = await client.list_names(kind, namespace, selector=selector)
    versions = {key_of(item): int(item["metadata"]["resourceVersion"]) for item in items}
    concerned: list[ObjectKey] = []
    for key in store.names(kind):
        if namespace in ("", key.namespace) and key not in versions:
            concerned += store.remove_named(kind, key, version)
    for key, newest in versions.items():
        if newest > store.version_of(kind, key):
            concerned += await _fetch(client, store, kind, key)
    return concerned


async def _fetch(client: Client, store: Store, kind: str, key: ObjectKey) -> tuple[ObjectKey, ...]:
    try:
        return store.upsert(kind, await client.get(kind, key))
    except Missing:
        return store.remove_named(kind, key, store.version_of(kind, key))
