"""Whose an object is: ModelServers beside each other, foreign objects, and what is left in the end."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import modelservers
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.operatorprocess import Operators
from tests.support.cluster.stage import Stage, condition, holds, is_told

pytestmark = pytest.mark.slow

TOLD_SECONDS = 15.0
TAKE_UP_SECONDS = 30.0  # from the removal of what was in the way


async def test_a_deleted_modelserver_leaves_nothing(
    api: ApiClient, stage: Stage, namespace: str
) -> None:
    """Everything goes by its owner; one of the same name may come at once, with pods of its own."""
    await stage.open()
    autoscaling = {"minReplicas": 1, "maxReplicas": 2}
    await stage.create(networkPolicy={}, autoscaling=autoscaling)
    first = await stage.settled()
    before = await stage.processes()
    await api.delete("ModelServer", "vision", namespace)
    began = time.monotonic()
    await stage.create()
    second = await stage.settled()
    stage.say(f"one of the same name ready {time.monotonic() - began:.1f} s after the deletion")
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert not (await stage.processes()).keys() & before.keys()

    await api.delete("ModelServer", "vision", namespace)
    began = time.monotonic()
    await stage.wait_until_empty()
    stage.say(f"nothing is left {time.monotonic() - began:.1f} s after the deletion")


async def test_modelservers_never_touch_each_other(api: ApiClient, stage: Stage, namespace: str) -> None:
    """Names that begin alike share nothing; of two that render one name, the first keeps it."""
    await stage.open()
    for name in ("a", "a-config", "a-b"):
        await stage.create(name=name)
    await stage.settled("a")
    theirs = {name: await stage.owned(name) for name in ("a", "a-config", "a-b")}
    await stage.create(name="a-headless", replicas=0)
    told = await stage.told("a-headless", is_told("Ready", "ObjectNotOwned"))
    assert "Service a-headless belongs to ModelServer a" in condition(told, "Ready")["message"]
    assert ("Deployment", "a-headless") in await stage.owned("a-headless")
    await stage.settled("a-config")
    await stage.settled("a-b")
    await stage.require_quiet(seconds=5)
    for name, before in theirs.items():
        assert _generations(await stage.owned(name)) == _generations(before)

    await api.delete("ModelServer", "a", namespace)
    began = time.monotonic()
    await stage.told("a-headless", lambda it: holds(it, "Ready"), seconds=TAKE_UP_SECONDS)
    stage.say(f"the name was taken up {time.monotonic() - began:.1f} s after it was free")
    assert ("Service", "a-headless") in await stage.owned("a-headless")
    assert await stage.processes("a-config")


async def test_namesakes_in_two_namespaces_share_nothing(
    api: ApiClient, control_plane: Cluster, namespace: str, tmp_path: Path
) -> None:
    """One operator with the chart's cluster-wide rights keeps two of one name apart."""
    other = f"{namespace}-other"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}}
    await api.create(manifest)
    operators = Operators(control_plane, namespace, tmp_path, everywhere=True)
    try:
        operators.start()
        for place in (namespace, other):
            document = modelservers.server_document(replicas=0)
            await api.create(document, namespace=place)
        for place in (namespace, other):
            await api.wait_for("PodDisruptionBudget", "vision", place, until=bool)
            await api.wait_for("Deployment", "vision", place, until=bool)
        await api.delete("ModelServer", "vision", other)
        for kind, name in (("Deployment", "vision"), ("ConfigMap", "vision-config")):
            await api.wait_until_gone(kind, name, other)
            found = await api.get(kind, name, namespace)
            assert "deletionTimestamp" not in found["metadata"]
    finally:
        operators.end()
        await api.delete("Namespace", other)


def _generations(found: dict[tuple[str, str], Object]) -> dict[tuple[str, str], tuple[Any, Any]]:
    return {
        key: (item["metadata"]["uid"], item.get("data") or item["metadata"].get("generation"))
        for key, item in found.items()
    }


FOREIGN: tuple[Object, ...] = (
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "vision-config"},
        "data": {"config.json": '{"model_config_list": []}'},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "vision"},
        "spec": {"ports": [{"name": "theirs", "port": 80}]},
    },
    {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "vision"},
        "spec": {"maxUnavailable": 3, "selector": {"matchLabels": {"app": "theirs"}}},
    },
)


async def test_foreign_objects_are_not_taken_over(api: ApiClient, stage: Stage, namespace: str) -> None:
    """An object of one of our names stays as it is, is told of, and is replaced only once it is gone."""
    await stage.open()
    before = [await api.create(item, namespace=namespace) for item in FOREIGN]
    await stage.create()
    told = await stage.told("vision", is_told("Ready", "ObjectNotOwned"))
    for item in FOREIGN:
        mentioned = f"{item['kind']} {item['metadata']['name']} was not made by this operator"
        assert mentioned in condition(told, "Ready")["message"]
    assert "ObjectNotOwned" in stage.kubectl("events", "--for=modelserver/vision", "--types=Warning")
    assert await api.find("Deployment", "vision", namespace) is None  # it would start from theirs
    for item in before:
        kind, name = item["kind"], item["metadata"]["name"]
        after = await api.get(kind, name, namespace)
        assert "batchwright" not in {entry["manager"] for entry in after["metadata"]["managedFields"]}
        assert after["metadata"].get("ownerReferences") is None
    for item in before:
        await api.delete(item["kind"], item["metadata"]["name"], namespace)
    began = time.monotonic()
    await stage.settled(seconds=TAKE_UP_SECONDS)
    stage.say(f"all is ready {time.monotonic() - began:.1f} s after the names were free")
    assert len(await stage.owned()) == 6


async def test_what_the_schema_cannot_refuse_is_told(
    api: ApiClient, stage: Stage, namespace: str
) -> None:
    """An object that nobody can act on gets a condition and no crash; what it served goes on."""
    await stage.open()
    await stage.create()
    await stage.settled()
    before = await stage.processes()
    for pod, reason, mentioned in (
        ({"annotations": {"no key at all!": "x"}}, "InvalidSpec", "spec.pod.annotations"),
        ({"affinity": {"nodeAffinity": {"nonsense": 1}}}, "ApplyRefused", "nonsense"),
        ({"tolerations": [{"operator": "Perhaps"}]}, "ApplyRefused", "Perhaps"),
    ):
        wiped = {"annotations": None, "affinity": None, "tolerations": None}
        await stage.edit(pod=wiped | pod)
        await stage.told("vision", _says(reason, mentioned), seconds=TOLD_SECONDS)
        assert await stage.processes() == before
    async with stage.client() as service, service.load("m", sizes=[1]) as load:
        await load.answered(5)
    await stage.edit(pod=None)
    await stage.settled()
    assert await stage.processes() == before


def _says(reason: str, mentioned: str) -> Callable[[Object], bool]:
    """Whether Ready is false for that reason, and its sentence has those words."""
    is_so = is_told("Ready", reason)
    return lambda found: is_so(found) and mentioned in condition(found, "Ready")["message"]
