"""Batchwright leaves a cluster in any order: nothing is stuck, whatever goes first."""

import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.operatorprocess import Operators
from tests.support.modelservers import server_document
from tests.support.operator_process import OperatorProcess
from tests.support.pipelines import pipeline_document
from tests.support.polling import eventually

pytestmark = pytest.mark.slow

DEFINITIONS = ("modelservers.batchwright.dev", "pipelines.batchwright.dev")
OURS = ("ModelServer", "Pipeline")
OWNED = ("ConfigMap", "Deployment", "Service", "ServiceAccount", "PodDisruptionBudget", "ReplicaSet")
GONE_SECONDS = 30.0
LABELS = "app.kubernetes.io/managed-by=batchwright,app.kubernetes.io/instance=vision"
WATCH_ENDS = ("Watcher for", "Multidimensional multitasker", "The watch ended")


@pytest.fixture
async def tenant(api: ApiClient, namespace: str) -> AsyncIterator[str]:
    """A user's namespace, beside the operator's, which a test may remove."""
    name = f"{namespace}-tenant"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await api.create(manifest)
    yield name
    await api.delete_if_there("Namespace", name)


@pytest.fixture
async def installed(
    api: ApiClient, control_plane: Cluster, namespace: str, tenant: str, tmp_path: Path
) -> AsyncIterator[OperatorProcess]:
    """An operator of the whole cluster, and a ModelServer of a user with all that belongs to it."""
    operators = Operators(control_plane, namespace, tmp_path, everywhere=True)
    operators.announce(*WATCH_ENDS)
    try:
        operator = operators.start()
        await api.create(server_document(name="vision", replicas=1), namespace=tenant)
        await api.create(pipeline_document("twice"), namespace=tenant)
        for kind in OWNED:
            await eventually(partial(is_there, api, kind, tenant), seconds=60)
        yield operator
    finally:
        operators.end()


async def test_the_namespace_goes_first(
    api: ApiClient, tenant: str, installed: OperatorProcess, control_plane: Cluster
) -> None:
    """A user's namespace ends within seconds, with the operator at work, which stays healthy."""
    began = time.monotonic()
    await api.delete("Namespace", tenant)
    await api.wait_until_gone("Namespace", tenant, seconds=GONE_SECONDS)

    _print("namespace first", began)
    assert installed.is_running
    await eventually(lambda: is_healthy(installed))


async def test_the_operator_goes_first(api: ApiClient, tenant: str, installed: OperatorProcess) -> None:
    """Objects can be deleted when nobody is there any more, and what they own goes with them."""
    installed.end()
    began = time.monotonic()
    for kind, name in (("Pipeline", "twice"), ("ModelServer", "vision")):
        await api.delete(kind, name, tenant)
        await api.wait_until_gone(kind, name, tenant, seconds=1)
    for kind in OWNED:
        await eventually(partial(is_gone, api, kind, tenant))
    await api.delete("Namespace", tenant)
    await api.wait_until_gone("Namespace", tenant, seconds=GONE_SECONDS)
    _print("operator first", began)


async def test_the_definitions_go_first(
    api: ApiClient, tenant: str, installed: OperatorProcess, control_plane: Cluster
) -> None:
    """Definitions go with all objects and what those own; the operator waits until they are back."""
    await collects_garbage(api, tenant)
    began = time.monotonic()
    try:
        for name in DEFINITIONS:
            await api.delete("CustomResourceDefinition", name)
            await api.wait_until_gone("CustomResourceDefinition", name, seconds=GONE_SECONDS)
        for kind in OWNED:
            await eventually(partial(is_gone, api, kind, tenant), seconds=GONE_SECONDS)
        _print("definitions first", began)
        assert installed.is_running
    finally:
        control_plane.apply_custom_resources()
    began = time.monotonic()
    await api.create(server_document(name="vision", replicas=0), namespace=tenant)
    await api.wait_for("Deployment", "vision", tenant, until=bool, seconds=60)
    _print("definitions back", began)


async def is_there(api: ApiClient, kind: str, namespace: str) -> bool:
    return bool(await api.list(kind, namespace, labels=LABELS))


async def is_gone(api: ApiClient, kind: str, namespace: str) -> bool:
    return not await is_there(api, kind, namespace)


async def collects_garbage(api: ApiClient, namespace: str) -> None:
    """Return once Kubernetes' garbage collector knows our kinds: it looks for new ones twice a minute.

    Definitions that go before it has seen them leave what their objects owned for good.
    """
    pipeline = await api.create(pipeline_document("probe"), namespace=namespace)
    owner = {key: pipeline["metadata"][key] for key in ("name", "uid")}
    reference = {"apiVersion": pipeline["apiVersion"], "kind": "Pipeline", **owner}
    metadata = {"name": "owned-by-probe", "ownerReferences": [reference]}
    owned = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    await api.create(owned, namespace=namespace)
    await api.delete("Pipeline", "probe", namespace)
    await api.wait_until_gone("ConfigMap", "owned-by-probe", namespace, seconds=90)


async def is_healthy(operator: OperatorProcess) -> bool:
    return operator.get("/healthz")[0] == 200


def _print(what: str, began: float) -> None:
    print(f"{what}: {time.monotonic() - began:.1f} s")  # noqa: T201  a figure that the run is asked for
