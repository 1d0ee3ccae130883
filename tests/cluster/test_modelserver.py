"""The life of a ModelServer: the real operator with its chart's rights, real pods, real requests."""

import time
from collections.abc import Callable

import pytest
import yaml

from tests.support import modelservers
from tests.support.cluster import pods
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.stage import CONDITIONS, Stage, all_hold, condition, is_told, tiny
from tests.support.pipelines import pipeline_document

pytestmark = pytest.mark.slow

READY_SECONDS = 30.0
IN_PLACE_SECONDS = 10.0


async def test_a_modelserver_is_made_served_and_told(stage: Stage) -> None:
    """One `kubectl apply` and it serves within seconds, with everything that belongs to it."""
    await stage.open()
    document = modelservers.server_document(tiny(), replicas=2, networkPolicy={})
    began = time.monotonic()
    stage.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(document))
    stage.kubectl("wait", "bms/vision", "--for=condition=Ready", "--timeout=30s")
    ready_seconds = time.monotonic() - began
    found = await stage.settled(seconds=READY_SECONDS - ready_seconds)
    stage.say(f"2 pods ready {ready_seconds:.1f} s after kubectl apply")

    assert set(await stage.owned()) == {
        ("ConfigMap", "vision-config"),
        ("Deployment", "vision"),
        ("Service", "vision"),
        ("Service", "vision-headless"),
        ("ServiceAccount", "vision"),
        ("PodDisruptionBudget", "vision"),
        ("NetworkPolicy", "vision"),
    }
    async with stage.client() as service, service.load("m", sizes=[1, 3], clients=2) as load:
        await load.answered(40)
    load.results.require_flawless()
    assert len(load.results.by_pod) == 2
    _require_well_told(stage, found)
    await stage.require_quiet()


def _require_well_told(stage: Stage, found: Object) -> None:
    """The status is complete, `kubectl get` shows it, and events tell how it came to be."""
    assert [item["type"] for item in found["status"]["conditions"]] == list(CONDITIONS)
    assert {item["observedGeneration"] for item in found["status"]["conditions"]} == {1}
    assert found["status"]["observedGeneration"] == 1
    [heads, shown] = stage.kubectl("get", "bms", "-o", "wide").splitlines()
    assert heads.split()[:6] == ["NAME", "READY", "MODELS", "STRATEGY", "REPLICAS", "READY-REPLICAS"]
    assert shown.split()[:6] == ["vision", "True", "1/1", "Reload", "2", "2"]
    assert "AllPodsReady" in shown
    assert "2 of 2 pods are ready." in shown
    events = stage.kubectl("events", "--for=modelserver/vision")
    assert "AllPodsReady" in events, events
    assert "Warning" not in events, events


async def test_configurations_change_in_place(api: ApiClient, stage: Stage, namespace: str) -> None:
    """Batching, models and Pipelines change in running processes, on every pod, and nobody notices."""
    await stage.open()
    await stage.create(replicas=2)
    await stage.settled()
    before = await stage.processes()
    assert len(before) == 2
    async with stage.client() as service, service.load("m", sizes=[1, 2, 3], clients=2) as load:
        await load.answered(20)
        for what, models in (
            ("batching", [tiny(strategy="Demultiplex")]),
            ("a model more", [tiny(strategy="Demultiplex"), tiny("n", strategy="Dynamic")]),
            ("a model less", [tiny(strategy="Demultiplex")]),
        ):
            began = time.monotonic()
            await stage.edit(models=models)
            found = await stage.settled(seconds=IN_PLACE_SECONDS)
            await _require_everywhere(stage)
            assert found["status"]["summary"]["models"] == f"{len(models)}/{len(models)}"
            stage.say(f"{what}: on all pods after {time.monotonic() - began:.1f} s")
            await load.answered(20)
        await api.create(pipeline_document("twice"), namespace=namespace)
        await stage.pipeline("twice", is_told("Ready", "Serving", "True"), seconds=IN_PLACE_SECONDS)
        await _require_everywhere(stage)
        await load.answered(20)
        await api.delete("Pipeline", "twice", namespace)
        await load.answered(20)
        await stage.settled(seconds=IN_PLACE_SECONDS)
    load.results.require_flawless()
    assert load.results.retried == 0
    stage.say(f"{load.results.answered} requests, slowest {load.results.slowest_seconds:.2f} s")
    assert await stage.processes() == before


async def _require_everywhere(stage: Stage, *, count: int = 2) -> None:
    """Every pod says itself that it serves what new ones start from."""
    served = [signals.config.hash for signals in await stage.signals()]
    assert served == [await stage.committed()] * count


async def test_only_a_changed_pod_is_replaced(api: ApiClient, stage: Stage, namespace: str) -> None:
    """Resources, variables and the image roll the pods: new ones get the document, no request fails."""
    await stage.open()
    await stage.create(replicas=2)
    await stage.settled()
    await stage.edit(models=[tiny(strategy="Demultiplex")])
    await stage.settled()
    async with stage.client() as service, service.load("m", sizes=[1, 2, 3], clients=2) as load:
        for pod in (
            {"resources": {"requests": {"cpu": "10m"}, "limits": {"cpu": "2"}}},
            {"env": [{"name": "TEAM", "value": "vision"}], "image": "registry.example/batchwright:2"},
        ):
            before, began = await stage.processes(), time.monotonic()
            old = await api.get("Deployment", "vision", namespace)
            await stage.edit(pod=pod)
            await api.wait_for("Deployment", "vision", namespace, until=_is_newer_than(old))
            await pods.rolled_out(api, namespace, "vision")
            await stage.settled()
            stage.say(f"{', '.join(pod)}: rolled after {time.monotonic() - began:.1f} s")
            assert not (await stage.processes()).keys() & before.keys()
            await _require_everywhere(stage)
            await load.answered(20)
    load.results.require_flawless()
    stage.say(f"{load.results.answered} requests, {load.results.retried} tried again")


async def test_waiting_for_ready_waits_for_the_new_pods(
    api: ApiClient, stage: Stage, namespace: str
) -> None:
    """After an edit of the pods `kubectl wait` returns once all new ones serve, and not before."""
    await stage.open()
    await stage.create(replicas=2)
    await stage.settled()
    before, began = await stage.processes(), time.monotonic()
    edited = await stage.edit(pod={"resources": {"limits": {"cpu": "2"}}})
    stage.kubectl("wait", "bms/vision", "--for=condition=Ready", "--timeout=120s")
    after = await stage.processes()
    found = await api.get("ModelServer", "vision", namespace)

    stage.say(f"kubectl wait returned after {time.monotonic() - began:.1f} s")
    assert len(after) == 2
    assert not after.keys() & before.keys()
    assert found["status"]["observedGeneration"] == edited["metadata"]["generation"]
    assert condition(found, "Ready")["reason"] == "AllPodsReady"
    await _require_everywhere(stage)


async def test_the_number_of_pods_follows(api: ApiClient, stage: Stage, namespace: str) -> None:
    """`kubectl scale`, a write to /scale, none and back: pods that stay are not touched."""
    await stage.open()
    await stage.create()
    await stage.settled()
    first = await stage.processes()
    async with stage.client() as service, service.load("m", sizes=[1, 2]) as load:
        stage.kubectl("scale", "bms/vision", "--replicas=3")
        await _count(stage, 3)
        await load.answered(30)
        assert first.items() <= (await stage.processes()).items()
        scale = await api.call("GET", find_kind("ModelServer").path(namespace, "vision", "scale"))
        assert scale["status"]["replicas"] == 3
        selected = await api.list("Pod", namespace, labels=scale["status"]["selector"])
        assert len(selected) == 3
        scale["spec"]["replicas"] = 1
        path = find_kind("ModelServer").path(namespace, "vision", "scale")
        await api.call("PUT", path, body=scale)
        await _count(stage, 1)
        await load.answered(30)
    load.results.require_flawless()
    await stage.edit(replicas=0)
    await stage.told("vision", lambda it: it["status"]["replicas"] == 0)
    await stage.edit(models=[tiny(), tiny("n")])  # nobody is there to be asked
    await stage.edit(replicas=1)
    await _count(stage, 1)
    async with stage.client() as service, service.load("n", sizes=[2], offset=2.0) as load:
        await load.answered(5)
    load.results.require_flawless()


async def _count(stage: Stage, number: int) -> None:
    began = time.monotonic()
    await stage.told("vision", lambda it: all_hold(it) and _counts(it) == (number, number))
    await pods.rolled_out(stage.api, stage.namespace, "vision")
    stage.say(f"{number} pods ready after {time.monotonic() - began:.1f} s")


def _counts(found: Object) -> tuple[int, int]:
    return found["status"]["replicas"], found["status"]["readyReplicas"]


def _is_newer_than(old: Object) -> Callable[[Object], bool]:
    return lambda found: bool(found["metadata"]["generation"] > old["metadata"]["generation"])


async def test_an_autoscaler_scales_the_modelserver(
    api: ApiClient, stage: Stage, namespace: str
) -> None:
    """Kubernetes' own autoscaler reads and writes /scale; without spec.autoscaling it goes."""
    await stage.open()
    await stage.create(autoscaling={"minReplicas": 2, "maxReplicas": 3})
    found = await stage.told("vision", lambda it: it["spec"]["replicas"] == 2)
    await stage.settled()
    assert found["metadata"]["generation"] == 2
    scaler = await api.get("HorizontalPodAutoscaler", "vision", namespace)
    told = {item["type"]: item["status"] for item in scaler["status"]["conditions"]}
    assert told["AbleToScale"] == "True"
    await stage.edit(autoscaling={"maxReplicas": 4})
    await api.wait_for(
        "HorizontalPodAutoscaler",
        "vision",
        namespace,
        until=lambda it: it["spec"]["maxReplicas"] == 4,
    )
    await stage.edit(autoscaling=None)
    await api.wait_until_gone("HorizontalPodAutoscaler", "vision", namespace)
    assert len(await stage.processes()) == 2


async def test_switching_is_paused_by_an_annotation(stage: Stage) -> None:
    """The policy says that it is paused within seconds of the annotation, and goes on without it."""
    await stage.open()
    await stage.create(tiny(strategy="Adaptive"))
    await stage.settled()
    stage.kubectl("annotate", "bms/vision", "batchwright.dev/pause-switching=true")
    await stage.told("vision", lambda it: _decision(it) == "Paused", seconds=10)
    stage.kubectl("annotate", "bms/vision", "batchwright.dev/pause-switching-")
    await stage.told("vision", lambda it: _decision(it) != "Paused", seconds=10)


def _decision(found: Object) -> str:
    return str(found["status"]["models"][0]["decision"]["reason"])
