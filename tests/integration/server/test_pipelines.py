"""Pipelines on a whole server: real models, real gRPC, many clients."""

import asyncio
import re
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import models, polling, serving

Array = NDArray[Any]

WIDTH = 4
STRATEGIES = {
    "fixed": {"strategy": "fixed", "fixed": {"batch_size": 1}},
    "reload": {"strategy": "reload"},
    "demultiplex": {"strategy": "demultiplex"},
}


def split(name: str = "dag", model: str = "m", **keys: Any) -> dict[str, Any]:
    """A pipeline that splits its input over one model."""
    node = {
        "name": "node",
        "model_name": model,
        "type": "DL model",
        "inputs": [{"x": {"node_name": "request", "data_item": "x"}}],
        "outputs": [{"data_item": "y", "alias": "y"}],
    }
    output = {"y": {"node_name": "node", "data_item": "y"}}
    plain = {"name": name, "inputs": ["x"], "nodes": [node], "outputs": [output], "demultiply_count": 0}
    return plain | keys


def document(*configs: dict[str, Any], pipelines: list[dict[str, Any]]) -> dict[str, Any]:
    return serving.document(*configs) | {"pipeline_config_list": pipelines}


def rows(count: int, first: int = 0, batch: int = 1) -> Array:
    """Shards for the affine model, every row unlike any other."""
    numbers = first + np.arange(count * batch, dtype=np.float32)
    return numbers.reshape(count, batch, 1) + np.zeros((1, 1, WIDTH), np.float32)


def shape_of(info: Any) -> list[int]:
    return [dim.size for dim in info.tensor_shape.dim]


@pytest.fixture(scope="module")
def affine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save(models.affine(WIDTH), tmp_path_factory.mktemp("models") / "m")


async def failure(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_a_pipeline_is_seen_with_its_extra_dimension(tmp_path: Path, affine: Path) -> None:
    """Metadata as OVMS shows it for `demultiply_count: 0`, version 1, and AVAILABLE."""
    config = document(serving.model_config("m", affine, batch_size=1), pipelines=[split()])
    async with serving.serve(tmp_path, config) as running:
        signature = (await running.client.metadata("dag")).signature_def["serving_default"]
        status = (await running.client.status("dag")).model_version_status

        assert shape_of(signature.inputs["x"]) == [-1, 1, WIDTH]
        assert shape_of(signature.outputs["y"]) == [-1, 1, WIDTH]
        assert [(one.version, one.state, one.status.error_code) for one in status] == [(1, 30, 0)]


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
async def test_rows_come_home_through_any_strategy(tmp_path: Path, affine: Path, strategy: str) -> None:
    """Concurrent clients with batches of 1 to 33: every answer in its own row of its own request."""
    batching = STRATEGIES[strategy]
    config = document(serving.model_config("m", affine, batching=batching), pipelines=[split()])
    async with serving.serve(tmp_path, config) as running:

        async def ask(client: int) -> None:
            for turn, size in enumerate([1, 8, 33, 3, 1]):
                x = rows(size, first=1000 * client + 100 * turn)
                answer = await running.client.predict("dag", x=x)
                np.testing.assert_array_equal(answer["y"], 3 * x + 1)

        await asyncio.gather(*map(ask, range(6)))

        requests = await running.metric("batchwright_requests_total", model="dag", code="OK")
        inner = await running.metric("batchwright_requests_total", model="m", protocol="pipeline")
        assert (requests, inner) == (30, 6 * 46)
        assert await running.metric("batchwright_samples_total", model="dag", version="1") == 6 * 46


async def test_shards_of_models_that_take_batches_keep_theirs(tmp_path: Path, affine: Path) -> None:
    """Over a model of any batch size, a shard may be a batch: [-1, -1, w], split along the first."""
    config = document(serving.model_config("m", affine, batch_size="auto"), pipelines=[split()])
    async with serving.serve(tmp_path, config) as running:
        x = rows(3, batch=5)
        signature = (await running.client.metadata("dag")).signature_def["serving_default"]

        np.testing.assert_array_equal((await running.client.predict("dag", x=x))["y"], 3 * x + 1)
        assert shape_of(signature.inputs["x"]) == [-1, -1, WIDTH]


async def test_branches_join_and_versions_can_be_pinned(tmp_path: Path) -> None:
    """Two branches, one of an older version, meet in a third model; an output comes from a branch."""
    models.save(models.affine(2), tmp_path / "m", 1)
    models.save(models.affine(2), tmp_path / "m", 2)
    models.save(models.sum_and_difference(), tmp_path / "join")

    def branch(name: str, **keys: Any) -> dict[str, Any]:
        node: dict[str, Any] = split(model="m")["nodes"][0]
        return node | {"name": name} | keys

    join = {
        "name": "join",
        "model_name": "join",
        "type": "DL model",
        "inputs": [
            {"a": {"node_name": "old", "data_item": "y"}},
            {"b": {"node_name": "twice", "data_item": "y"}},
        ],
        "outputs": [{"data_item": "sum", "alias": "s"}, {"data_item": "difference", "alias": "d"}],
    }
    twice = branch("twice") | {"inputs": [{"x": {"node_name": "old", "data_item": "y"}}]}
    graph = {
        "name": "dag",
        "inputs": ["x"],
        "nodes": [join, twice, branch("old", version=1)],  # in any order
        "outputs": [
            {"sum": {"node_name": "join", "data_item": "s"}},
            {"difference": {"node_name": "join", "data_item": "d"}},
            {"once": {"node_name": "old", "data_item": "y"}},
        ],
    }
    every: dict[str, Any] = {"model_version_policy": {"all": {}}}
    config = document(
        serving.model_config("m", tmp_path / "m", **every),
        serving.model_config("join", tmp_path / "join"),
        pipelines=[graph],
    )
    async with serving.serve(tmp_path, config) as running:
        x = np.array([[1, 2]], np.float32)
        answer = await running.client.predict("dag", x=x)

        once, again = 3 * x + 1, 3 * (3 * x + 1) + 1
        np.testing.assert_array_equal(answer["once"], once)
        np.testing.assert_array_equal(answer["sum"], once + again)
        np.testing.assert_array_equal(answer["difference"], once - again)
        assert await running.metric("batchwright_requests_total", model="m", version="1") == 1
        assert await running.metric("batchwright_requests_total", model="m", version="2") == 1


async def test_splits_inside_splits_are_gathered_in_order(tmp_path: Path) -> None:
    """Two shards of the request, three of a node in each, gathered by a node and in the answer."""
    models.save(models.multiples(), tmp_path / "multiples")
    models.save(models.affine(2), tmp_path / "affine")
    models.save(models.total_of_three(), tmp_path / "total")

    def node(name: str, source: str, **keys: Any) -> dict[str, Any]:
        item = "x" if source == "request" else "y"
        plain: dict[str, Any] = split(model=name)["nodes"][0]
        inputs = [{"x": {"node_name": source, "data_item": item}}]
        return plain | {"name": name, "inputs": inputs} | keys

    nodes = [node("multiples", "request", demultiply_count=3), node("affine", "multiples")]
    total = node("total", "affine", gather_from_node="multiples")
    single = split("single", nodes=nodes, demultiply_count=2)
    single["outputs"] = [{"y": {"node_name": "affine", "data_item": "y"}}]
    summed = split("summed", nodes=[*nodes, total], demultiply_count=2)
    summed["outputs"] = [{"y": {"node_name": "total", "data_item": "y"}}]
    configs = [serving.model_config(name, tmp_path / name) for name in ("multiples", "affine", "total")]
    async with serving.serve(tmp_path, document(*configs, pipelines=[single, summed])) as running:
        x = np.array([[[1, 2]], [[10, 20]]], np.float32)
        every = 3 * np.stack([x, 2 * x, 3 * x], axis=1) + 1
        signature = (await running.client.metadata("single")).signature_def["serving_default"]

        assert shape_of(signature.outputs["y"]) == [2, 3, 1, 2]
        np.testing.assert_array_equal((await running.client.predict("single", x=x))["y"], every)
        answer = await running.client.predict("summed", x=x)
        np.testing.assert_array_equal(answer["y"], every.sum(axis=1))


async def test_what_cannot_be_split_is_refused_with_a_sentence(tmp_path: Path, affine: Path) -> None:
    """No UNKNOWN "Unknown error": a code that says whose fault it is, and the numbers."""
    pipelines = [split(), split("four", demultiply_count=4)]
    config = document(serving.model_config("m", affine, batch_size=1), pipelines=pipelines)
    async with serving.serve(tmp_path, config) as running:
        plain = await failure(running.client.predict("dag", x=np.zeros((8, WIDTH), np.float32)))
        none = await failure(running.client.predict("dag", x=np.zeros((0, 1, WIDTH), np.float32)))
        many = await failure(running.client.predict("dag", x=np.zeros((10_001, 1, WIDTH), np.float32)))
        three = await failure(running.client.predict("four", x=rows(3)))

        assert plain.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert plain.details() == "input 'x': rank: expected 3, shape (-1,1,4), got 2, shape (8,4)"
        assert none.code() is grpc.StatusCode.ABORTED
        assert "no shards" in str(none.details())
        assert many.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "at most 10000" in str(many.details())
        assert three.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert three.details() == "input 'x': shape: expected (4,1,4), got (3,1,4)"


async def test_a_bad_pipeline_fails_alone_at_start(tmp_path: Path, affine: Path) -> None:
    """LOADING with FAILED_PRECONDITION and every fault; the model and the good pipeline serve."""
    bad = [split("lost", model="missing"), split("m"), split("bad", nodes=[])]
    config = document(serving.model_config("m", affine), pipelines=[*bad, split()])
    async with serving.serve(tmp_path, config) as running:
        (status,) = (await running.client.status("lost")).model_version_status
        refused = await failure(running.client.predict("lost", x=rows(1)))

        assert (status.state, status.status.error_code) == (20, 9)
        told = "pipeline 'lost', node 'node': model 'missing' does not exist; there are ['m']"
        assert status.status.error_message == told
        assert refused.code() is grpc.StatusCode.UNAVAILABLE
        assert told in str(refused.details())
        np.testing.assert_array_equal(
            (await running.client.predict("dag", x=rows(2)))["y"], 3 * rows(2) + 1
        )
        flat = rows(1)[0]
        np.testing.assert_array_equal((await running.client.predict("m", x=flat))["y"], 3 * flat + 1)


async def test_documents_are_all_or_nothing(tmp_path: Path, affine: Path) -> None:
    """A reload with a bad pipeline changes nothing and says why; with a good one, it serves at once."""
    good = document(serving.model_config("m", affine, batch_size=1), pipelines=[split()])
    async with serving.serve(tmp_path, serving.document(serving.model_config("m", affine))) as running:
        without = await failure(running.client.predict("dag", x=rows(2)))
        taken, _ = await running.reload(good)
        broken = document(
            serving.model_config("m", affine, batch_size=2),
            pipelines=[split(), split("lost", model="gone")],
        )
        refused, body = await running.reload(broken)

        assert without.code() is grpc.StatusCode.NOT_FOUND
        assert (taken, refused) == (201, 400)
        assert "pipeline_config_list[1]: pipeline 'lost', node 'node': model 'gone'" in body["error"]
        np.testing.assert_array_equal(
            (await running.client.predict("dag", x=rows(2)))["y"], 3 * rows(2) + 1
        )


async def test_a_model_that_changes_takes_its_pipelines_along(tmp_path: Path, affine: Path) -> None:
    """A new batch size of the model is the pipeline's in the same moment; shapes are read anew."""
    before = document(serving.model_config("m", affine, batch_size=1), pipelines=[split()])
    after = document(serving.model_config("m", affine, batch_size=2), pipelines=[split()])
    async with serving.serve(tmp_path, before) as running:
        status, body = await running.reload(after)
        signature = (await running.client.metadata("dag")).signature_def["serving_default"]
        x = rows(3, batch=2)

        assert status == 201, body
        assert shape_of(signature.inputs["x"]) == [-1, 2, WIDTH]
        np.testing.assert_array_equal((await running.client.predict("dag", x=x))["y"], 3 * x + 1)


async def test_a_version_that_comes_is_fitted_or_told(tmp_path: Path) -> None:
    """A new version with another shape: a pipeline over the latest one stops, with the reason."""
    folder = models.save(models.affine(WIDTH), tmp_path / "m")
    models.save(models.affine(WIDTH), tmp_path / "other")
    chain = split(nodes=[split()["nodes"][0], split(model="other")["nodes"][0] | {"name": "second"}])
    chain["nodes"][1]["inputs"] = [{"x": {"node_name": "node", "data_item": "y"}}]
    chain["outputs"] = [{"y": {"node_name": "second", "data_item": "y"}}]
    config = document(
        serving.model_config("m", folder),
        serving.model_config("other", tmp_path / "other"),
        pipelines=[chain],
    )
    polled = ("--file_system_poll_wait_seconds", "0.05")
    async with serving.serve(tmp_path, config, *polled) as running:
        np.testing.assert_array_equal(
            (await running.client.predict("dag", x=rows(2)))["y"], 9 * rows(2) + 4
        )
        models.save(models.affine(2), tmp_path / "fresh", 2)
        (tmp_path / "fresh" / "2").rename(folder / "2")

        async def is_told() -> bool:
            (status,) = (await running.client.status("dag")).model_version_status
            return "wrong shape" in str(status.status.error_message)

        await polling.eventually(is_told)


async def test_a_large_request_does_not_hold_up_small_ones(tmp_path: Path) -> None:
    """While a thousand shards run, requests of one shard are answered in a small part of that time."""
    folder = models.save(models.deep(layers=40), tmp_path / "deep")
    config = document(serving.model_config("m", folder, batch_size=1), pipelines=[split()])
    async with serving.serve(tmp_path, config) as running:
        one = np.ones((1, 1, 256), np.float32)
        loop = asyncio.get_running_loop()
        began = loop.time()
        large = asyncio.create_task(running.client.predict("dag", x=np.ones((1000, 1, 256), np.float32)))
        answered = 0
        while not large.done():
            await running.client.predict("dag", x=one)
            answered += 1
        took = loop.time() - began

        assert answered > 5, f"{answered} small requests in {took:.2f} s"


async def test_switches_of_strategy_are_not_seen_by_pipelines(tmp_path: Path, affine: Path) -> None:
    """A model is switched back and forth while pipelines run over it: right rows, no failed request."""

    def planned(plan: str) -> dict[str, Any]:
        model = serving.model_config("m", affine, batching=STRATEGIES[plan])
        return document(model, pipelines=[split()])

    async with serving.serve(tmp_path, planned("reload")) as running:
        switched = asyncio.Event()

        async def ask(client: int) -> int:
            turn = 0
            while not switched.is_set():
                x = rows(1 + turn % 9, first=10_000 * client + 10 * turn)
                answer = await running.client.predict("dag", x=x)
                np.testing.assert_array_equal(answer["y"], 3 * x + 1)
                turn += 1
            return turn

        asking = asyncio.gather(*map(ask, range(3)))
        for plan in ["demultiplex", "reload", "demultiplex"]:
            status, body = await running.reload(planned(plan))
            assert status == 201, body
        switched.set()

        assert sum(await asking) == await running.metric(
            "batchwright_requests_total", model="dag", code="OK"
        )
        assert await running.metric("batchwright_switches_total", model="m") == 3


async def test_a_client_that_goes_away_leaves_nothing_running(tmp_path: Path) -> None:
    """A cancelled request of a thousand shards stops after those that run."""
    folder = models.save(models.deep(layers=40), tmp_path / "deep")
    config = document(serving.model_config("m", folder, batch_size=1), pipelines=[split()])
    async with serving.serve(tmp_path, config) as running:
        call = running.client.predict("dag", x=np.ones((2000, 1, 256), np.float32))
        large = asyncio.create_task(call)

        async def has_begun() -> bool:
            return await running.metric("batchwright_in_flight", model="m") > 0

        async def is_over() -> bool:
            return await running.metric("batchwright_in_flight") == 0

        await polling.eventually(has_begun)
        large.cancel()
        await polling.eventually(is_over, seconds=2)

        assert await running.metric("batchwright_samples_total", model="m") < 1500
        assert await running.metric("batchwright_requests_total", model="dag", code="CANCELLED") == 1


async def test_a_failing_node_is_told_with_its_place(tmp_path: Path, affine: Path) -> None:
    """A failure inside a model has the model's code, and says in which node and shard it was."""
    limited = {"strategy": "reload", "max_batch_size": 3}
    config = document(serving.model_config("m", affine, batching=limited), pipelines=[split()])
    async with serving.serve(tmp_path, config) as running:
        refused = await failure(running.client.predict("dag", x=rows(2, batch=4)))

        assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
        told = r"pipeline 'dag', node 'node': shard \[[01]\]: input 'x': batch size: expected 1 to 3"
        assert re.match(told, str(refused.details()))
        assert (
            await running.metric("batchwright_requests_total", model="dag", code="INVALID_ARGUMENT") == 1
        )
