"""What every cluster does, held for the one that tests remember and for the local one."""

from pathlib import Path

import pytest

from batchwright_operator.cluster.errors import Outdated
from batchwright_operator.cluster.local import LocalCluster
from batchwright_operator.cluster.port import Cluster
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.status import ModelServerStatus
from tests.support.fake_cluster import FakeCluster
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server

SERVER = make_server()
MANIFEST = render_bundle(SERVER, Settings(), {"resnet": RELOAD}).config_map
OTHER = render_bundle(SERVER, Settings(), {"resnet": DEMULTIPLEX}).config_map


@pytest.fixture(params=["fake", "local"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    """Each of them, empty."""
    return FakeCluster() if request.param == "fake" else LocalCluster(tmp_path)


async def test_what_is_written_is_observed(cluster: Cluster) -> None:
    """With a version, which changes with every change."""
    assert (await cluster.observe(SERVER)).objects == ()
    versions = []
    for manifest in (MANIFEST, OTHER):
        await cluster.apply(SERVER, manifest)
        observed = await cluster.observe(SERVER)
        found = observed.find("ConfigMap", "vision-config")
        assert found is not None
        assert found["data"] == manifest["data"]
        assert observed.config_text == manifest["data"]["config.json"]
        versions.append(found["metadata"]["resourceVersion"])
    assert versions[0] != versions[1]


async def test_what_was_decided_on_is_what_is_written_over(cluster: Cluster) -> None:
    """A write that names a version is refused once there is a newer one."""
    await cluster.apply(SERVER, MANIFEST)
    found = (await cluster.observe(SERVER)).find("ConfigMap", "vision-config")
    assert found is not None
    version = {"resourceVersion": found["metadata"]["resourceVersion"]}
    over = {**OTHER, "metadata": {**OTHER["metadata"], **version}}
    await cluster.apply(SERVER, over)
    with pytest.raises(Outdated):
        await cluster.apply(SERVER, over)


async def test_removing(cluster: Cluster) -> None:
    """What is removed is gone, and removing it again is no error."""
    service = render_bundle(SERVER, Settings(), {}).service
    await cluster.apply(SERVER, service)
    for _ in range(2):
        await cluster.delete(SERVER, "Service", "vision")
        assert (await cluster.observe(SERVER)).find("Service", "vision") is None


async def test_statuses(cluster: Cluster) -> None:
    """A status is read as it was written; before that there is none."""
    assert await cluster.read_status(SERVER.key) is None
    status = ModelServerStatus(observed_generation=3)
    await cluster.write_status(SERVER, status)
    assert await cluster.read_status(SERVER.key) == status
