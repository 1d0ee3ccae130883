"""One release of the operator after another over pods that serve, and back again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchwright_operator.render import names
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, Object, Patch
from tests.support.cluster.stage import Stage, tiny
from tests.support.operator_process import PROGRAM, OperatorProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

NEXT_PROGRAM = ("-m", "tests.support.next_operator")
OLD_IMAGE, NEW_IMAGE = "batchwright/server:old", "batchwright/server:new"
LOOK_SECONDS = 0.1


async def test_pods_outlive_an_upgrade_and_a_rollback(
    api: ApiClient, stage: Stage, newer_definitions: None
) -> None:
    """Under Manual no release replaces a pod, and each configures what the other has made."""
    older = await stage.open(f"--server-image={OLD_IMAGE}")
    await stage.create(tiny(), name="first")
    await stage.settled("first")
    first = await stage.processes("first")

    await replaced(stage, older, NEXT_PROGRAM, NEW_IMAGE)
    await stage.create(tiny(), name="second")
    await stage.settled("second")
    await stage.edit(name="first", models=[tiny(strategy="Demultiplex")])
    await stage.settled("first")
    second = await stage.processes("second")
    assert await stage.processes("first") == first
    assert await recorded(stage, "first") == ("r1", OLD_IMAGE)
    assert await recorded(stage, "second") == ("next", NEW_IMAGE)

    # What only the newer release knows of, in the spec and in the status.
    await write_unknown(api, stage.namespace, "second")
    newer = stage.operators.replicas[-1]
    oldest = await replaced(stage, newer, PROGRAM, OLD_IMAGE)
    for name in ("first", "second"):
        await stage.edit(name=name, models=[tiny(strategy="Dynamic")])
        await stage.settled(name)
    assert await stage.processes("first") == first
    assert await stage.processes("second") == second
    assert await recorded(stage, "second") == ("next", NEW_IMAGE)
    spec = (await api.get("ModelServer", "second", stage.namespace))["spec"]
    assert spec["futureOption"] == "kept"
    assert oldest.is_running


async def test_a_newer_operator_replaces_pods_of_one_object_at_a_time(stage: Stage) -> None:
    """Under WithOperator: the next object's only when all of the last one's are; no request fails."""
    older = await stage.open(f"--server-image={OLD_IMAGE}")
    for name in ("one", "two"):
        await stage.create(tiny(), name=name, replicas=2, update={"policy": "WithOperator"})
    await stage.create(tiny(), name="three", update={"policy": "Manual"})
    for name in ("one", "two", "three"):
        await stage.settled(name)
    three = await stage.processes("three")
    old = {name: await stage.processes(name) for name in ("one", "two")}

    async with (
        stage.client("one") as one,
        stage.client("two") as two,
        one.load("m", sizes=[1, 2]) as load_of_one,
        two.load("m", sizes=[1, 2]) as load_of_two,
    ):
        async with watched(stage, ("one", "two")) as rollouts:
            await replaced(stage, older, NEXT_PROGRAM, NEW_IMAGE)
            began = time.monotonic()
            await rollouts.completed({"one", "two"}, seconds=240)
        stage.say(f"both were replaced {time.monotonic() - began:.0f} s after the newer one's start")
        await load_of_one.answered(20)
        await load_of_two.answered(20)

    load_of_one.results.require_flawless()
    load_of_two.results.require_flawless()
    assert rollouts.most_at_once == 1
    assert await stage.processes("three") == three
    for name in ("one", "two"):
        assert await recorded(stage, name) == ("next", NEW_IMAGE)
        assert (await stage.processes(name)).keys().isdisjoint(old[name])


async def replaced(
    stage: Stage, old: OperatorProcess, program: tuple[str, ...], image: str
) -> OperatorProcess:
    """Another release of the operator in place of `old`; returns when it leads."""
    old.end()
    new = stage.operators.start(f"--server-image={image}", kubelet=stage.kubelet, program=program)
    async with asyncio.timeout(60):
        while not new.said("Leading"):
            await asyncio.sleep(LOOK_SECONDS)
    return new


async def recorded(stage: Stage, name: str) -> tuple[str, str]:
    """The template revision and the image that a Deployment says its pods are of."""
    marks = (await stage.api.get("Deployment", name, stage.namespace))["metadata"]["annotations"]
    return marks[names.TEMPLATE_REVISION], marks[names.SERVER_IMAGE]


@dataclass
class Rollouts:
    """Which of some Deployments have come through an upgrade, and how many were on their way at once."""

    done: set[str] = field(default_factory=set)
    most_at_once: int = 0

    async def completed(self, wanted: set[str], *, seconds: float) -> None:
        """Return once those are through."""
        async with asyncio.timeout(seconds):
            while self.done != wanted:
                await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def watched(stage: Stage, deployments: tuple[str, ...]) -> AsyncIterator[Rollouts]:
    """What becomes of Deployments during the block."""
    rollouts = Rollouts()

    async def look() -> None:
        while True:
            found = [await stage.api.get("Deployment", name, stage.namespace) for name in deployments]
            begun = {name for name, item in zip(deployments, found, strict=True) if is_new(item)}
            through = {item["metadata"]["name"] for item in found if is_new(item) and is_complete(item)}
            rollouts.done = through
            rollouts.most_at_once = max(rollouts.most_at_once, len(begun - through))
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield rollouts
        assert not looking.done(), looking.exception()
    finally:
        looking.cancel()


def is_new(deployment: Object) -> bool:
    """Whether it was rendered by the newer release's template."""
    return bool(deployment["metadata"]["annotations"][names.TEMPLATE_REVISION] == "next")


def is_complete(deployment: Object) -> bool:
    """Whether all its pods are of its newest template, and available."""
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    is_seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    return is_seen and counts == [wanted] * 3


@pytest.fixture
async def newer_definitions(control_plane: Cluster, api: ApiClient) -> AsyncIterator[None]:
    """The custom resources as a release to come may define them: with one more field each."""
    name = "modelservers.batchwright.dev"
    field_of_future: dict[str, Any] = {"type": "string"}
    path = "/spec/versions/0/schema/openAPIV3Schema/properties"
    places = [f"{path}/{part}/properties/futureOption" for part in ("spec", "status")]
    added = [{"op": "add", "path": place, "value": field_of_future} for place in places]
    await patch_definition(api, name, added)
    yield
    await patch_definition(api, name, [{"op": "remove", "path": place} for place in places])


async def patch_definition(api: ApiClient, name: str, changes: list[dict[str, Any]]) -> None:
    await api.patch("CustomResourceDefinition", name, patch=changes, how=Patch.JSON)


async def write_unknown(api: ApiClient, namespace: str, name: str) -> None:
    """Fields of the newer definitions, once the API server keeps them."""
    for subresource, part in (("", "spec"), ("status", "status")):
        async with asyncio.timeout(20):
            while True:
                change = {part: {"futureOption": "kept"}}
                found = await api.patch(
                    "ModelServer", name, namespace, patch=change, subresource=subresource
                )
                if found[part].get("futureOption") == "kept":
                    break
                await asyncio.sleep(LOOK_SECONDS)
