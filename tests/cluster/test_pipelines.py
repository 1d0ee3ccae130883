"""Pipelines on a cluster: attached in any order, checked against real models, each for itself."""

import time

import grpc
import numpy as np
import pytest

from tests.support import pipelines
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.serviceclient import Results, ServiceClient
from tests.support.cluster.stage import Stage, all_hold, condition, holds, is_told, tiny

pytestmark = pytest.mark.slow

SERVED_SECONDS = 30.0  # on a machine that does other things too
X = np.arange(8, dtype=np.float32).reshape(2, 1, 4)


async def test_pipelines_come_in_any_order(api: ApiClient, stage: Stage, namespace: str) -> None:
    """Before its ModelServer, with it or long after: it says what it waits for, and then serves."""
    await stage.open()
    await api.create(pipelines.pipeline_document("early"), namespace=namespace)
    orphan = await stage.pipeline("early", is_told("Accepted", "ModelServerNotFound"))
    assert condition(orphan, "Ready")["reason"] == "ModelServerNotFound"
    assert _shown(stage) == [["early", "False", "False", "vision", "ModelServerNotFound"]]
    await stage.create()
    await stage.pipeline("early", _serves)
    await stage.settled()
    began = time.monotonic()
    await api.create(pipelines.pipeline_document("late"), namespace=namespace)
    await stage.pipeline("late", _serves, seconds=SERVED_SECONDS)
    stage.say(f"a Pipeline serves {time.monotonic() - began:.1f} s after it was created")
    await stage.settled()
    shown = [row[:4] for row in _shown(stage)]
    assert shown == [["early", "True", "True", "vision"], ["late", "True", "True", "vision"]]
    async with stage.client() as service:
        for name in ("early", "late"):
            assert await _answers(service, name)
    await api.delete("ModelServer", "vision", namespace)
    await stage.pipeline("early", is_told("Accepted", "ModelServerNotFound"))


async def test_a_pipeline_in_use_goes_alone(api: ApiClient, stage: Stage, namespace: str) -> None:
    """Deleting one that clients ask ends that one; its models and the other Pipelines go on."""
    await stage.open()
    await stage.create()
    for name in ("first", "second"):
        await api.create(pipelines.pipeline_document(name), namespace=namespace)
        await stage.pipeline(name, _serves)
    before = await stage.processes()
    async with stage.client() as service, service.load("m", sizes=[1, 2]) as load:
        assert await _answers(service, "first")
        await api.delete("Pipeline", "first", namespace)
        deadline = time.monotonic() + SERVED_SECONDS
        while await _answers(service, "first"):
            assert time.monotonic() < deadline, "it is still served"
        assert await _answers(service, "second")
        await load.answered(10)
    load.results.require_flawless()
    assert load.results.retried == 0
    await stage.pipeline("second", _serves)
    await stage.settled()
    assert await stage.processes() == before


async def test_a_broken_pipeline_breaks_nothing_else(
    api: ApiClient, stage: Stage, namespace: str
) -> None:
    """Each says what is wrong with it, while others serve and edits go on; mended, it serves."""
    await stage.open()
    await stage.create()
    await api.create(pipelines.pipeline_document("good"), namespace=namespace)
    await stage.pipeline("good", _serves)
    for document, mentioned in (
        (pipelines.broken_pipeline_document("absent-output"), "nothing"),
        (_over_model("absent-input", input_name="z"), "z"),
        (_over_model("absent-model", model="nowhere"), "nowhere"),
        (_circle("circle"), "circle"),
    ):
        await api.create(document, namespace=namespace)
        name = document["metadata"]["name"]
        told = await stage.pipeline(name, _is_refused, seconds=SERVED_SECONDS)
        stage.say(f"{name}: {condition(told, 'Accepted')}")
        assert mentioned in condition(told, "Accepted")["message"]
        assert holds(await stage.pipeline("good", _serves), "Ready")
    told = await stage.told("vision", is_told("ConfigApplied", "PipelinesLeftOut", "True"))
    names = "absent-input, absent-model, absent-output, circle"
    assert names in condition(told, "ConfigApplied")["message"]
    await stage.edit(models=[tiny(strategy="Demultiplex"), tiny("n")])
    await stage.settled()
    async with stage.client() as service, service.load("n", sizes=[1], offset=2.0) as load:
        await load.answered(5)
        assert await _answers(service, "good")
    load.results.require_flawless()
    assert all_hold(await stage.settled())

    mended = pipelines.pipeline_document("absent-output")
    await api.patch("Pipeline", "absent-output", namespace, patch={"spec": mended["spec"]})
    await stage.pipeline("absent-output", _serves, seconds=SERVED_SECONDS)
    await stage.edit(models=[tiny(), tiny("nowhere", source=tiny("n")["source"])])
    await stage.pipeline("absent-model", _serves)


def _over_model(name: str, *, model: str = "m", input_name: str = "x") -> Object:
    document = pipelines.pipeline_document(name)
    node = document["spec"]["nodes"][0]
    node["model"], node["inputs"][0]["name"] = model, input_name
    return document


def _circle(name: str) -> Object:
    """Two nodes, each of which waits for the other."""

    def node(own: str, other: str) -> Object:
        inputs = [{"name": "x", "from": {"node": other, "item": "y"}}]
        return {"name": own, "model": "m", "inputs": inputs, "outputs": [{"name": "y", "item": "y"}]}

    nodes = [node("one", "two"), node("two", "one")]
    outputs = [{"name": "y", "from": {"node": "one", "item": "y"}}]
    return pipelines.pipeline_document(name, nodes=nodes, outputs=outputs)


def _serves(found: Object) -> bool:
    return holds(found, "Accepted") and holds(found, "Ready")


def _is_refused(found: Object) -> bool:
    one = condition(found, "Accepted")
    is_new = one.get("observedGeneration") == found["metadata"]["generation"]
    return bool(is_new and one["status"] == "False")


def _shown(stage: Stage) -> list[list[str]]:
    """The lines of `kubectl get bpl`, as words."""
    [heads, *rows] = stage.kubectl("get", "bpl", "-o", "wide").splitlines()
    assert heads.split() == ["NAME", "ACCEPTED", "READY", "MODELSERVER", "REASON", "MESSAGE", "AGE"]
    return [row.split()[:5] for row in rows]


async def _answers(service: ServiceClient, name: str) -> bool:
    """Whether a Pipeline answers, and rightly."""
    try:
        answer = await service.predict(name, Results(), x=X)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        return False
    np.testing.assert_array_equal(answer["y"], 3 * X + 1)
    return True
