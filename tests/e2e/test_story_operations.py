"""What operators of a service do in its life, while clients ask all the time: no request may fail."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cluster import workloads
from tests.support.cluster.apiclient import Object
from tests.support.node import images
from tests.support.node.layout import NAME as NODE
from tests.support.node.onenode import OneNode
from tests.support.stories.story import SAMPLES, Story

_FEW = {"requests": {"cpu": "100m"}}
_SOON = {"scaleUp": {"stabilizationWindowSeconds": 0}}


async def test_a_new_version_of_a_model_is_taken(story: Story, tmp_path: Path) -> None:
    """A version that appears on the volume is served, and the one before it goes."""
    for folder in (tmp_path, tmp_path / "m"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    shutil.copytree(SAMPLES / "tiny" / "1", tmp_path / "m" / "1")
    await workloads.create_claim(story.api, story.namespace, "changing", tmp_path)
    source = {"pvc": {"claimName": "changing", "path": "m"}}
    await story.create_server("versions", models=[{"name": "m", "source": source}])
    await story.wait_for_server("versions")

    async with story.traffic(story.ask_tiny("versions", "m")):
        shutil.copytree(SAMPLES / "tiny" / "1", tmp_path / "new")
        (tmp_path / "new").rename(tmp_path / "m" / "2")
        with story.within(90, "new version on the volume -> served"):
            await story.wait_for_server("versions", until=_serves_version_2, seconds=90)


async def test_pods_are_rolled_and_scaled(story: Story) -> None:
    """Another image takes the place of the first pod by pod; replicas go from one to three and back."""
    service = {"maxConnectionAgeSeconds": 10}  # clients that never wait for answers are moved by it
    await story.create_server("rolled", models=[story.tiny("m")], service=service)
    await story.wait_for_server("rolled")

    async with story.traffic(story.ask_tiny("rolled", "m")):
        with story.within(120, "another image"):
            await story.edit("rolled", {"pod": {"image": images.NEXT_SERVER}})
            await story.wait_for_server("rolled")
            await story.wait_for_pods("rolled", 1)
        for replicas in (3, 1):
            with story.within(120, f"to {replicas} replicas"):
                story.cluster.kubectl(
                    "scale",
                    f"--namespace={story.namespace}",
                    f"--replicas={replicas}",
                    "modelserver/rolled",
                )
                await story.wait_for_pods("rolled", replicas)
    [pod] = await story.pods("rolled")
    assert pod["spec"]["containers"][0]["image"].endswith("server:next")


async def test_load_makes_more_pods(story: Story) -> None:
    """A HorizontalPodAutoscaler on the metrics API scales a ModelServer."""
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 20}}
    scaling = {"minReplicas": 1, "maxReplicas": 2, "behavior": _SOON}
    await story.create_server(
        "scaled",
        models=[story.tiny("m")],
        pod={"resources": _FEW},
        autoscaling={**scaling, "metrics": [{"type": "Resource", "resource": cpu}]},
    )
    await story.wait_for_server("scaled")

    async with story.traffic(story.ask_tiny("scaled", "m", clients=4)):
        with story.within(240, "load -> two pods ready"):
            await story.wait_for_pods("scaled", 2, seconds=240)


async def test_a_drain_leaves_enough_pods(story: Story, own_node: OneNode) -> None:
    """Of three pods a drain takes one, and the budget keeps the rest until it is replaced."""
    await story.create_server("drained", replicas=3, models=[story.tiny("m")])
    await story.wait_for_server("drained", seconds=180)

    async with story.traffic(story.ask_tiny("drained", "m")):
        chosen = "--pod-selector=app.kubernetes.io/instance=drained"
        try:
            with pytest.raises(subprocess.CalledProcessError) as refused:
                own_node.kubectl("drain", NODE, chosen, "--delete-emptydir-data", "--timeout=20s")
            assert "disruption budget" in refused.value.stderr
            await story.wait_for_pods("drained", 2)
        finally:
            own_node.kubectl("uncordon", NODE)
        with story.within(120, "uncordoned -> three pods ready"):
            await story.wait_for_pods("drained", 3)


def _serves_version_2(server: Object) -> bool:
    [model] = server["status"]["models"]
    states = {item["version"]: item["state"] for item in model["versions"]}
    return bool(states.get(2) == "AVAILABLE" and states.get(1) != "AVAILABLE")
