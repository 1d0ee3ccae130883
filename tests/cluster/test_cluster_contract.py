"""What the controller may rely on, on either cluster: processes of one node, or Kubernetes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchwright_operator.cluster.errors import Outdated
from batchwright_operator.cluster.local import LocalCluster
from batchwright_operator.cluster.port import Cluster as Port
from batchwright_operator.reconcile.outcome import Event, EventType
from batchwright_operator.render.bundle import Bundle, render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus
from tests.support.cluster.access import Cluster
from tests.support.cluster.adapter import Adapter
from tests.support.cluster.apiclient import ApiClient
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server


@dataclass
class Subject:
    """A cluster with two ModelServers, and the way to one that has forgotten all it had in memory."""

    cluster: Port
    server: ModelServer
    other: ModelServer
    restarted: Callable[[], Awaitable[Port]]


async def _local(state: Path) -> Subject:
    async def restarted() -> Port:
        return LocalCluster(state)

    return Subject(LocalCluster(state), make_server(), make_server(name="other"), restarted)


async def _kubernetes(adapter: Adapter) -> Subject:
    async def restarted() -> Port:
        adapter.restart()
        await adapter.look()
        return adapter.cluster

    server, other = await adapter.make_server(), await adapter.make_server("other")
    return Subject(adapter.cluster, server, other, restarted)


@pytest.fixture(params=["processes", "kubernetes"])
async def subject(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    control_plane: Cluster,
    api: ApiClient,
    namespace: str,
) -> AsyncIterator[Subject]:
    """A cluster of each kind."""
    if request.param == "processes":
        yield await _local(tmp_path)
        return
    adapter = await Adapter.connect(control_plane.kubeconfig, api, namespace)
    yield await _kubernetes(adapter)
    await adapter.client.close()


def _render(server: ModelServer, plan: Any = RELOAD) -> Bundle:
    return render_bundle(server, Settings(), {"resnet": plan})


def _status(replicas: int = 1) -> ModelServerStatus:
    return ModelServerStatus(observed_generation=1, replicas=replicas, selector="a=b")


async def test_at_first_there_is_nothing(subject: Subject) -> None:
    """No objects, no pods, no document, no status, no certificates: missing is a value."""
    observed = await subject.cluster.observe(subject.server)
    assert (observed.objects, observed.pods, observed.settled) == ((), (), frozenset())
    assert observed.config_text is None
    assert await subject.cluster.read_status(subject.server.key) is None
    assert await subject.cluster.read_ca(subject.server) is None


async def test_what_was_applied_is_observed(subject: Subject) -> None:
    """At once, with its version, and with the ModelServer that it was applied for alone."""
    bundle = _render(subject.server)
    await subject.cluster.apply(subject.server, bundle.config_map)
    observed = await subject.cluster.observe(subject.server)
    (found,) = observed.objects
    assert observed.config_text == bundle.config_map["data"]["config.json"]
    assert found["metadata"]["resourceVersion"]
    assert found["metadata"]["annotations"] == bundle.config_map["metadata"]["annotations"]
    assert (await subject.cluster.observe(subject.other)).objects == ()


async def test_a_write_on_what_is_no_longer_so(subject: Subject) -> None:
    """It changes nothing and is Outdated; on what is so it goes through."""
    first, second = _render(subject.server), _render(subject.server, DEMULTIPLEX)
    await subject.cluster.apply(subject.server, first.config_map)
    seen = (await subject.cluster.observe(subject.server)).objects[0]
    await subject.cluster.apply(subject.server, second.config_map)
    with pytest.raises(Outdated):
        await subject.cluster.apply(subject.server, _at_version_of(seen, first))
    newest = (await subject.cluster.observe(subject.server)).objects[0]
    assert newest["data"] == second.config_map["data"]
    await subject.cluster.apply(subject.server, _at_version_of(newest, first))
    assert (await subject.cluster.observe(subject.server)).objects[0]["data"] == first.config_map["data"]


def _at_version_of(seen: dict[str, Any], bundle: Bundle) -> dict[str, Any]:
    version = {"resourceVersion": seen["metadata"]["resourceVersion"]}
    return {**bundle.config_map, "metadata": {**bundle.config_map["metadata"], **version}}


async def test_what_is_unwanted_goes(subject: Subject) -> None:
    """One object by its kind and name, others of the kind stay; one that is not there is no failure."""
    services = [item for item in _render(subject.server).manifests if item["kind"] == "Service"]
    for service in services:
        await subject.cluster.apply(subject.server, service)
    for _ in range(2):
        await subject.cluster.delete(subject.server, "Service", subject.server.name)
    observed = await subject.cluster.observe(subject.server)
    left = {service["metadata"]["name"] for service in services} - {subject.server.name}
    assert {item["metadata"]["name"] for item in observed.objects} == left


async def test_a_status_outlives_a_restart(subject: Subject) -> None:
    """What was written last is read by the operator that comes after; each object has its own."""
    await subject.cluster.write_status(subject.server, _status())
    await subject.cluster.write_status(subject.server, _status(2))
    again = await subject.restarted()
    assert await again.read_status(subject.server.key) == _status(2)
    assert await again.read_status(subject.other.key) is None


async def test_the_document_outlives_a_restart(subject: Subject) -> None:
    """The operator that comes after finds from which document pods start."""
    bundle = _render(subject.server)
    await subject.cluster.apply(subject.server, bundle.config_map)
    again = await subject.restarted()
    observed = await again.observe(subject.server)
    assert observed.config_text == bundle.config_map["data"]["config.json"]


async def test_what_is_told_of_pipelines_never_fails(subject: Subject) -> None:
    """The status and the events of a Pipeline that has just gone are nobody's, and no failure."""
    key = subject.server.key
    await subject.cluster.write_pipeline_status(key, "gone", PipelineStatus(observed_generation=1))
    await subject.cluster.write_pipeline_status(key, "gone", None)
    event = Event(at=1.0, type=EventType.NORMAL, reason="Accepted", message="x", pipeline="gone")
    await subject.cluster.record_event(subject.server, event)
    await subject.cluster.record_event(subject.server, event)
