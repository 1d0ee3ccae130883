"""What the Kubernetes adapter tells and reads beside objects: statuses, events, pods, Leases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batchwright_operator.cluster.errors import Outdated, Unavailable
from batchwright_operator.cluster.kubernetes.client import Client
from batchwright_operator.cluster.kubernetes.connection import Connection, ConnectionFault, Credentials
from batchwright_operator.cluster.kubernetes.leases import LeaseStore
from batchwright_operator.reconcile.outcome import Event, EventType
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus
from batchwright_operator.workqueue.lease import Lease
from tests.support.cluster.access import Cluster
from tests.support.cluster.adapter import Adapter
from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.controlplane import ControlPlane
from tests.support.cluster.kinds import find_kind
from tests.support.modelservers import RELOAD
from tests.support.polling import eventually

NOW = 1_700_000_000.0
STRANGER = "0b5e4e0c-0000-4000-8000-000000000000"
PIPELINE = {
    "apiVersion": "batchwright.dev/v1alpha1",
    "kind": "Pipeline",
    "metadata": {"name": "ocr"},
    "spec": {
        "modelServerRef": {"name": "vision"},
        "inputs": ["image"],
        "nodes": [
            {
                "name": "classify",
                "model": "resnet",
                "inputs": [{"name": "in", "from": {"node": "request", "item": "image"}}],
                "outputs": [{"name": "out", "item": "out"}],
            }
        ],
        "outputs": [{"name": "out", "from": {"node": "classify", "item": "out"}}],
    },
}


@pytest.fixture
async def adapter(control_plane: Cluster, api: ApiClient, namespace: str) -> AsyncIterator[Adapter]:
    """An adapter with all rights."""
    adapter = await Adapter.connect(control_plane.kubeconfig, api, namespace)
    yield adapter
    await adapter.client.close()


def make_status(rate: str = "1.0", replicas: int = 1, **policy: Any) -> ModelServerStatus:
    """A status with a figure and a fact that may change."""
    state = {"version": 1, "plan": "Reload/Throughput", **policy}
    decision = {"action": "Hold", "reason": "InBand", "message": "calm", "observed": {"rate": rate}}
    model = {"name": "resnet", "strategy": "Reload", "policy": state, "decision": decision}
    return ModelServerStatus.model_validate({"replicas": replicas, "models": [model]})


async def _stored(adapter: Adapter) -> Any:
    return (await adapter.api.get("ModelServer", "vision", adapter.namespace)).get("status")


async def test_a_status_is_durable_and_whole(adapter: Adapter) -> None:
    """What was written is read by another operator; what is no longer said is gone."""
    server = await adapter.make_server()
    assert await adapter.cluster.read_status(server.key) is None
    await adapter.cluster.write_status(server, make_status(check={"previous": "Dynamic/Throughput"}))
    await adapter.cluster.write_status(server, make_status())  # by the same run, on the same reading
    adapter.restart()
    await adapter.look()
    assert await adapter.cluster.read_status(server.key) == make_status()
    assert "check" not in (await _stored(adapter))["models"][0]["policy"]


async def test_a_decision_on_an_old_object_is_not_written(adapter: Adapter) -> None:
    """Whoever edits the object in between makes the status Outdated; the next run sees the edit."""
    server = await adapter.make_server()
    await adapter.cluster.write_status(server, make_status())
    await adapter.api.patch("ModelServer", "vision", adapter.namespace, patch={"spec": {"replicas": 3}})
    with pytest.raises(Outdated):
        await adapter.cluster.write_status(server, make_status(replicas=2))
    assert adapter.read().spec.replicas == 3
    await adapter.cluster.write_status(adapter.read(), make_status(replicas=2))
    await adapter.api.delete("ModelServer", "vision", adapter.namespace)
    with pytest.raises(Outdated):
        await adapter.cluster.write_status(adapter.read(), make_status(replicas=3))
    with pytest.raises(Outdated):
        await adapter.cluster.write_status(server, make_status(replicas=4))


async def test_figures_are_written_once_a_minute(adapter: Adapter) -> None:
    """Mere figures wait for the first look a minute after, what has happened does not."""
    server = await adapter.make_server()
    await adapter.cluster.write_status(server, make_status())
    for second in range(1, 30):
        adapter.now += 1
        await adapter.cluster.observe(server)
        await adapter.cluster.write_status(adapter.read(), make_status(rate=f"{second}.5"))
    assert adapter.told() == ["patch ModelServer 200"]
    adapter.now += 31
    await adapter.cluster.observe(server)
    assert (await _stored(adapter))["models"][0]["decision"]["observed"] == {"rate": "29.5"}
    await adapter.cluster.write_status(server, make_status(rate="30.5"))
    await adapter.cluster.write_status(adapter.read(), make_status(rate="30.5", replicas=2))
    assert (await _stored(adapter))["replicas"] == 2
    adapter.now += 120
    adapter.told()
    await adapter.cluster.observe(server)
    await adapter.cluster.write_status(adapter.read(), make_status(rate="30.5", replicas=2))
    assert adapter.told() == []


async def test_a_pipelines_status(adapter: Adapter) -> None:
    """It is the Pipeline's own; of one that is gone there is none, and that is no failure."""
    server = await adapter.make_server()
    await adapter.api.create(PIPELINE, namespace=adapter.namespace)
    await adapter.look()
    status = PipelineStatus(observed_generation=1)
    await adapter.cluster.write_pipeline_status(server.key, "ocr", status)
    await adapter.cluster.write_pipeline_status(server.key, "other", status)
    await adapter.cluster.write_pipeline_status(server.key, "ocr", None)
    found = await adapter.api.get("Pipeline", "ocr", adapter.namespace)
    assert found["status"]["observedGeneration"] == 1


async def _events(adapter: Adapter) -> list[dict[str, Any]]:
    # Warnings of the control plane about other things come and go.
    found = await adapter.api.list("Event", adapter.namespace)
    return [item for item in found if item.get("reportingController") == "batchwright.dev/operator"]


async def test_what_happens_again_is_counted(adapter: Adapter) -> None:
    """The same within ten minutes is a series; later, or about another object, it is told anew."""
    server = await adapter.make_server()
    await adapter.api.create(PIPELINE, namespace=adapter.namespace)
    await adapter.look()
    event = Event(at=NOW, type=EventType.WARNING, reason="PodRestarted", message="ü" * 900)
    for _ in range(3):
        await adapter.cluster.record_event(server, event)
    (told,) = await _events(adapter)
    assert told["series"]["count"] == 3
    assert told["regarding"]["uid"] == server.metadata.uid
    assert (told["type"], told["reason"]) == ("Warning", "PodRestarted")
    assert len(told["note"].encode()) <= 1024
    about = Event(at=NOW, type=EventType.NORMAL, reason="Accepted", message="x", pipeline="ocr")
    await adapter.cluster.record_event(server, about)
    assert {item["regarding"]["kind"] for item in await _events(adapter)} == {"ModelServer", "Pipeline"}
    await adapter.api.delete("Event", told["metadata"]["name"], adapter.namespace)
    await adapter.cluster.record_event(server, event)  # it has expired
    adapter.now += 600
    await adapter.cluster.record_event(server, event)
    assert len(await _events(adapter)) == 3


async def test_only_pods_of_the_deployment_are_ours(adapter: Adapter) -> None:
    """A pod that somebody labelled, or that gives a wrong ReplicaSet, is never sent a token."""
    server = await adapter.make_server(replicas=2)
    bundle = render_bundle(server, Settings(), {"resnet": RELOAD})
    for manifest in bundle.manifests:
        await adapter.cluster.apply(server, manifest)

    async def both_pods() -> bool:
        await adapter.look()
        return len(adapter.store.pods_of(server.key)) == 2

    await eventually(both_pods)
    real = adapter.store.pods_of(server.key)
    owner, labels = real[0]["metadata"]["ownerReferences"][0], real[0]["metadata"]["labels"]
    bare = {key: value for key, value in labels.items() if key != "pod-template-hash"}
    strangers = [_pod("a-labelled", adapter.namespace, bare, [])]
    for name, change in (("a-uid", {"uid": STRANGER}), ("a-name", {"name": "no-such"})):
        strangers.append(_pod(name, adapter.namespace, bare, [{**owner, **change}]))
    for stranger in strangers:  # as created: the garbage collector may take those without an owner
        adapter.store.upsert("Pod", await adapter.api.create(stranger))
    assert len(adapter.store.pods_of(server.key)) == 5
    adapter.told()

    found = await adapter.cluster.observe(server)

    assert {pod.name for pod in found.pods} == {item["metadata"]["name"] for item in real}
    asked = adapter.told()
    assert asked.count("get ReplicaSet 200") == 2, "one ReplicaSet, by its own uid and by a wrong one"
    assert asked.count("get ReplicaSet 404") == 1
    await adapter.cluster.observe(server)
    assert adapter.told() == []


async def test_pods_of_a_deployment_made_anew(adapter: Adapter) -> None:
    """Pods that a deleted Deployment leaves behind, for the next to adopt, are ours all the time."""
    server = await adapter.make_server()
    bundle = render_bundle(server, Settings(), {"resnet": RELOAD})
    for manifest in bundle.manifests:
        await adapter.cluster.apply(server, manifest)

    async def is_observed() -> bool:
        adapter.now += 1
        await adapter.look(("Deployment", "Pod"))
        return len((await adapter.cluster.observe(server)).pods) == 1

    await eventually(is_observed)
    path = find_kind("Deployment").path(adapter.namespace, "vision")
    await adapter.api.call("DELETE", path, body={"propagationPolicy": "Orphan"})
    await adapter.api.wait_until_gone("Deployment", "vision", adapter.namespace)
    await adapter.look(("Deployment", "Pod"))
    (pod,) = (await adapter.cluster.observe(server)).pods

    await adapter.cluster.apply(server, bundle.deployment)

    assert [found.name for found in (await adapter.cluster.observe(server)).pods] == [pod.name]
    adapter.now += 60
    await eventually(is_observed)


def _pod(name: str, namespace: str, labels: Any, owners: list[Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": owners}
    spec = {"containers": [{"name": "server", "image": "example.invalid/x"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


async def test_a_lease_is_written_by_one(adapter: Adapter) -> None:
    """Of two who create or update on the same reading one is Outdated; times keep their microseconds."""
    leases = LeaseStore(adapter.client, adapter.namespace, "operator")
    assert await leases.read() is None
    now = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    mine = Lease("me", now, now, transitions=2, duration_seconds=15)
    created = await leases.create(mine)
    with pytest.raises(Outdated):
        await leases.create(mine)
    assert await leases.read() == created
    assert (created.holder, created.renew_time, created.acquire_time) == ("me", now, now)
    assert (created.transitions, created.duration_seconds) == (2, 15)
    released = await leases.update(Lease("", None, None, 2, 0, created.resource_version))
    assert (released.holder, released.renew_time) == ("", None)
    for version in (created.resource_version, ""):
        with pytest.raises(Outdated):
            await leases.update(Lease("other", now, now, 3, 15, version))


async def test_a_token_is_read_again(control_plane: Cluster, namespace: str) -> None:
    """A token that the API server refuses is read again before the next call."""
    path = control_plane.kubeconfig_for_service_account(namespace, "default")
    client = Client(await Credentials.load(Connection(path)))
    good = path.read_text()
    try:
        with pytest.raises(Exception, match="cannot get resource"):  # it is known who asks
            await client.get("ConfigMap", ObjectKey(namespace, "x"))
        path.write_text(good.replace("token: ", "token: x"))
        client._credentials.expire()
        for _ in range(2):
            with pytest.raises(Unavailable, match="Unauthorized"):
                await client.get("ConfigMap", ObjectKey(namespace, "x"))
        path.write_text(good)
        with pytest.raises(Exception, match="cannot get resource"):
            await client.get("ConfigMap", ObjectKey(namespace, "x"))
    finally:
        await client.close()


async def test_no_credentials_say_so(tmp_path: Path) -> None:
    """Neither a kubeconfig nor a pod's account: the operator says what is missing."""
    with pytest.raises(ConnectionFault, match="no credentials"):
        await Credentials.load(Connection(tmp_path / "missing"))


async def test_a_silent_api_server_is_unavailable(
    own_control_plane: ControlPlane, api: ApiClient, namespace: str
) -> None:
    """A call to a server that swallows everything ends in time, and is worth another try."""
    path = own_control_plane.kubeconfig
    adapter = await Adapter.connect(path, api, namespace, timeout_seconds=0.5)
    try:
        server = await adapter.make_server()
        own_control_plane.api_server.pause()
        try:
            async with asyncio.timeout(3):
                with pytest.raises(Unavailable):
                    await adapter.cluster.write_status(server, make_status())
        finally:
            own_control_plane.api_server.resume()
        own_control_plane.wait_until_ready()
        assert adapter.told() == ["patch ModelServer error"]
    finally:
        await adapter.client.close()
