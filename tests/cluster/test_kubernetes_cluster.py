"""The Kubernetes adapter against a real API server: what it writes, and what it leaves alone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from batchwright_operator.cluster.errors import NotOurs, Outdated, Refused, Unavailable
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from tests.support.cluster.access import Cluster
from tests.support.cluster.adapter import Adapter
from tests.support.cluster.apiclient import ApiClient

NAME = "vision-config"
VERSION = {"resourceVersion": "1"}


@pytest.fixture
async def adapter(control_plane: Cluster, api: ApiClient, namespace: str) -> AsyncIterator[Adapter]:
    """An adapter with all rights."""
    adapter = await Adapter.connect(control_plane.kubeconfig, api, namespace)
    yield adapter
    await adapter.client.close()


def config_map(server: ModelServer, name: str = NAME, **data: str) -> dict[str, Any]:
    """A ConfigMap of a ModelServer."""
    key = server.key
    owner = {
        "apiVersion": "batchwright.dev/v1alpha1",
        "kind": "ModelServer",
        "name": key.name,
        "uid": server.metadata.uid,
        "controller": True,
    }
    labels = {
        "app.kubernetes.io/instance": key.name,
        "app.kubernetes.io/managed-by": "batchwright",
    }
    metadata = {
        "name": name,
        "namespace": key.namespace,
        "labels": labels,
        "annotations": {"batchwright.dev/rendered-hash": repr(sorted(data.items()))},
        "ownerReferences": [owner],
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def test_create_then_apply(adapter: Adapter) -> None:
    """What is no longer rendered goes, whether it was created or applied; what others added stays."""
    server = await adapter.make_server()
    await adapter.cluster.apply(server, config_map(server, a="1", b="1"))
    await adapter.api.patch("ConfigMap", NAME, adapter.namespace, patch={"data": {"theirs": "x"}})
    await adapter.look()
    adapter.told()

    await adapter.cluster.apply(server, config_map(server, a="2"))
    assert adapter.told() == ["patch ConfigMap 200"] * 2  # the fields of the creation, once
    await adapter.cluster.apply(server, config_map(server, c="3"))
    assert adapter.told() == ["patch ConfigMap 200"]

    found = await adapter.api.get("ConfigMap", NAME, adapter.namespace)
    assert found["data"] == {"c": "3", "theirs": "x"}
    kept = (await adapter.cluster.observe(server)).find("ConfigMap", NAME)
    assert kept is not None
    assert kept["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
    assert adapter.told() == []


async def test_our_fields_win(adapter: Adapter) -> None:
    """A field of ours that somebody else wrote, and so owns, is written back."""
    server = await adapter.make_server()
    await adapter.cluster.apply(server, config_map(server, a="1"))
    await adapter.api.apply({**config_map(server, a="theirs")}, namespace=adapter.namespace)
    await adapter.look()
    await adapter.cluster.apply(server, config_map(server, a="1"))
    found = await adapter.api.get("ConfigMap", NAME, adapter.namespace)
    assert found["data"] == {"a": "1"}


async def test_an_apply_that_changes_nothing_settles(adapter: Adapter) -> None:
    """An object that an apply left as it was is settled, until anybody changes it."""
    server = await adapter.make_server()
    for _ in range(3):
        await adapter.cluster.apply(server, config_map(server, a="1"))
    assert (await adapter.cluster.observe(server)).settled == {("ConfigMap", NAME)}
    await adapter.api.patch("ConfigMap", NAME, adapter.namespace, patch={"data": {"a": "2"}})
    await adapter.look()
    assert (await adapter.cluster.observe(server)).settled == frozenset()


async def test_what_is_ours_is_adopted(adapter: Adapter) -> None:
    """An operator that died right after a creation finds the object ours, and goes on."""
    server = await adapter.make_server()
    await adapter.cluster.apply(server, config_map(server, a="1", b="1"))
    adapter.restart()
    await adapter.look(("ModelServer",))
    adapter.told()
    await adapter.cluster.apply(server, config_map(server, a="2"))
    assert adapter.told()[:2] == ["post ConfigMap 409", "get ConfigMap 200"]
    found = await adapter.api.get("ConfigMap", NAME, adapter.namespace)
    assert found["data"] == {"a": "2"}


async def test_foreign_objects_are_left_alone(adapter: Adapter) -> None:
    """An object of nobody or of somebody else is neither written nor deleted nor observed."""
    server, other = await adapter.make_server(), await adapter.make_server("other")
    nobodys: dict[str, Any] = config_map(server, "nobodys", a="0")
    del nobodys["metadata"]["ownerReferences"]
    await adapter.api.create(nobodys)
    await adapter.api.create(config_map(other, "others", a="0"))
    for look_first in (False, True):
        for name, owner in (("nobodys", ""), ("others", "ModelServer other")):
            with pytest.raises(NotOurs) as error:
                await adapter.cluster.apply(server, config_map(server, name, a="1"))
            assert (error.value.kind, error.value.name, error.value.owner) == ("ConfigMap", name, owner)
            await adapter.cluster.delete(server, "ConfigMap", name)
            found = await adapter.api.get("ConfigMap", name, adapter.namespace)
            assert found["data"] == {"a": "0"}
        assert (await adapter.cluster.observe(server)).objects == ()
        if not look_first:
            await adapter.look()


async def test_a_namesake_from_before_is_waited_for(adapter: Adapter) -> None:
    """Objects of a ModelServer that was deleted and made anew belong to the collector of garbage."""
    server = await adapter.make_server()
    stale = config_map(server, a="0")
    stale["metadata"]["ownerReferences"][0]["uid"] = "0b5e4e0c-0000-4000-8000-000000000000"
    adapter.store.upsert(
        "ConfigMap", {**stale, "metadata": {**stale["metadata"], "uid": "u", **VERSION}}
    )
    with pytest.raises(Unavailable) as error:
        await adapter.cluster.apply(server, config_map(server, a="1"))
    assert error.value.retry_after_seconds == 1.0


async def test_a_precondition_that_does_not_hold(adapter: Adapter) -> None:
    """A write on what is no longer so fails as Outdated, and the next run knows what is so now."""
    server = await adapter.make_server()
    await adapter.cluster.apply(server, config_map(server, a="1"))
    seen = adapter.store.version_of("ConfigMap", ObjectKey(adapter.namespace, NAME))
    await adapter.api.patch("ConfigMap", NAME, adapter.namespace, patch={"data": {"a": "theirs"}})

    def wanted(version: int) -> dict[str, Any]:
        manifest = config_map(server, a="2")
        manifest["metadata"]["resourceVersion"] = str(version)
        return manifest

    with pytest.raises(Outdated):
        await adapter.cluster.apply(server, wanted(seen))
    observed = (await adapter.cluster.observe(server)).find("ConfigMap", NAME)
    assert observed is not None
    assert observed["data"] == {"a": "theirs"}
    with pytest.raises(Outdated):
        await adapter.cluster.apply(server, wanted(seen))
    await adapter.cluster.apply(server, wanted(int(observed["metadata"]["resourceVersion"])))
    assert (await adapter.api.get("ConfigMap", NAME, adapter.namespace))["data"] == {"a": "2"}


@pytest.mark.parametrize("made_anew", [False, True])
async def test_what_was_deleted_unseen_is_made_again(adapter: Adapter, made_anew: bool) -> None:
    """An object that vanished, or became another of its name, is Outdated once and then as wanted."""
    server = await adapter.make_server()
    for _ in range(2):  # created, and then applied: two ways to be changed
        await adapter.cluster.apply(server, config_map(server, a="1"))
    await adapter.api.delete("ConfigMap", NAME, adapter.namespace)
    if made_anew:
        await adapter.api.create(config_map(server, a="other"))
    with pytest.raises(Outdated):
        await adapter.cluster.apply(server, config_map(server, a="2"))
    await adapter.cluster.apply(server, config_map(server, a="2"))
    assert (await adapter.api.get("ConfigMap", NAME, adapter.namespace))["data"] == {"a": "2"}


async def test_delete_spares_what_came_later(adapter: Adapter) -> None:
    """An unwanted object goes; one that was made anew under its name is Outdated and stays."""
    server = await adapter.make_server()
    await adapter.cluster.apply(server, config_map(server, a="1"))
    await adapter.cluster.delete(server, "ConfigMap", NAME)
    assert await adapter.api.find("ConfigMap", NAME, adapter.namespace) is None
    assert (await adapter.cluster.observe(server)).objects == ()

    await adapter.cluster.apply(server, config_map(server, a="1"))
    await adapter.api.delete("ConfigMap", NAME, adapter.namespace)
    await adapter.cluster.delete(server, "ConfigMap", NAME)  # somebody was quicker
    await adapter.cluster.apply(server, config_map(server, a="1"))
    await adapter.api.delete("ConfigMap", NAME, adapter.namespace)
    await adapter.api.create(config_map(server, a="new"))
    with pytest.raises(Outdated):
        await adapter.cluster.delete(server, "ConfigMap", NAME)
    assert await adapter.api.find("ConfigMap", NAME, adapter.namespace) is not None


async def test_mistakes_are_refused(adapter: Adapter) -> None:
    """A field that the API server does not know is the user's to correct, at creation and afterwards."""
    server = await adapter.make_server()
    with pytest.raises(Refused, match="bogus"):
        await adapter.cluster.apply(server, {**config_map(server, a="1"), "bogus": 1})
    await adapter.cluster.apply(server, config_map(server, a="1"))
    with pytest.raises(Refused, match="bogus"):
        await adapter.cluster.apply(server, {**config_map(server, a="1"), "bogus": 1})
    monitor = {**config_map(server), "kind": "ServiceMonitor", "apiVersion": "monitoring.coreos.com/v1"}
    with pytest.raises(Refused, match="does not know this kind"):
        await adapter.cluster.apply(server, monitor)


async def test_certificates_are_read_once_a_minute(adapter: Adapter) -> None:
    """The authority of spec.tls.caConfigMap is asked for rarely; none to be found is None."""
    tls = {"secretName": "certificate", "caConfigMap": {"name": "authority", "key": "ca.crt"}}
    server = await adapter.make_server(tls=tls)
    assert await adapter.cluster.read_ca(await adapter.make_server("plain")) is None
    assert await adapter.cluster.read_ca(server) is None
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority"}}
    await adapter.api.create({**manifest, "data": {"ca.crt": "PEM"}}, namespace=adapter.namespace)
    assert await adapter.cluster.read_ca(server) is None
    adapter.now += 60
    assert await adapter.cluster.read_ca(server) == "PEM"
    adapter.told()
    assert await adapter.cluster.read_ca(server) == "PEM"
    assert adapter.told() == []
