"""A real server, asked over real gRPC, for right answers and for wrong requests."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from batchwright_server.protos import prediction_service_pb2, tensor_pb2
from tests.support import models, serving, tfs

RELOAD = {"strategy": "reload"}
DEMULTIPLEX = {"strategy": "demultiplex"}
FIXED = {"strategy": "fixed", "fixed": {"batch_size": 3}}
DYNAMIC = {"strategy": "dynamic", "dynamic": {"min": 1, "max": 8}}


def rows(count: int, width: int = 4) -> tfs.Array:
    return np.arange(count * width, dtype=np.float32).reshape(count, width)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.affine(), tmp_path / "affine")
    two = models.save(models.sum_and_difference(), tmp_path / "two")
    configs = [
        serving.model_config("reload", folder, batching=RELOAD | {"max_batch_size": 64}),
        serving.model_config("demultiplex", folder, batching=DEMULTIPLEX),
        serving.model_config("fixed", folder, batching=FIXED),
        serving.model_config("dynamic", folder, batching=DYNAMIC),
        serving.model_config("any", folder, batch_size="-1"),
        serving.model_config("two", two, batch_size="auto"),
    ]
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


@pytest.mark.parametrize("model", ["reload", "demultiplex", "dynamic", "any"])
@pytest.mark.parametrize("batch_size", [1, 2, 7])
async def test_any_batch_size_is_answered(server: serving.Serving, model: str, batch_size: int) -> None:
    """Each strategy for varying batches answers every row, in the request's own shape."""
    x = rows(batch_size)

    answer = await server.client.predict(model, x=x)

    np.testing.assert_array_equal(answer["y"], 3 * x + 1)


async def test_a_fixed_model_takes_its_own_batch_size_only(server: serving.Serving) -> None:
    """Another batch size is the client's error, with both sizes in the message."""
    answer = await server.client.predict("fixed", x=rows(3))
    np.testing.assert_array_equal(answer["y"], 3 * rows(3) + 1)

    with pytest.raises(grpc.aio.AioRpcError, match="expected 3 samples, got 2") as caught:
        await server.client.predict("fixed", x=rows(2))

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_dynamic_model_takes_the_sizes_of_its_range(server: serving.Serving) -> None:
    """Outside of the range is the client's error, with the range in the message."""
    with pytest.raises(grpc.aio.AioRpcError, match="expected 1 to 8 samples, got 9"):
        await server.client.predict("dynamic", x=rows(9))


async def test_several_inputs_and_outputs(server: serving.Serving) -> None:
    """Inputs are told apart by name, and every output is given unless fewer are asked for."""
    a, b = rows(5, 2), np.ones((5, 2), np.float32)
    request = tfs.predict_request("two", a=a, b=b)

    everything = await server.client.send(request)
    request.output_filter.append("difference")
    filtered = await server.client.send(request)

    np.testing.assert_array_equal(everything["sum"], a + b)
    np.testing.assert_array_equal(everything["difference"], a - b)
    assert list(filtered) == ["difference"]


async def test_typed_tensor_fields_are_read(server: serving.Serving) -> None:
    """A client that fills float_val instead of tensor_content gets the same answer."""
    request = prediction_service_pb2.PredictRequest()
    request.model_spec.name = "reload"
    proto = request.inputs["x"]
    proto.dtype = tensor_pb2.DT_FLOAT
    for size in (2, 4):
        proto.tensor_shape.dim.add(size=size)
    proto.float_val.extend(rows(2).ravel())

    answer = await server.client.send(request)

    np.testing.assert_array_equal(answer["y"], 3 * rows(2) + 1)


def _truncated() -> prediction_service_pb2.PredictRequest:
    request = tfs.predict_request("reload", x=rows(2))
    request.inputs["x"].tensor_content = request.inputs["x"].tensor_content[:-3]
    return request


def _negative() -> prediction_service_pb2.PredictRequest:
    request = tfs.predict_request("reload", x=rows(2))
    request.inputs["x"].tensor_shape.dim[0].size = -2
    return request


def _filtered() -> prediction_service_pb2.PredictRequest:
    request = tfs.predict_request("reload", x=rows(2))
    request.output_filter.append("z")
    return request


REFUSED = {
    "batch 0": (
        tfs.predict_request("reload", x=rows(0)),
        "'x': batch size: expected 1 to 64 samples, got 0",
    ),
    "too large": (
        tfs.predict_request("reload", x=rows(65)),
        "'x': batch size: expected 1 to 64 samples, got 65",
    ),
    "rank": (
        tfs.predict_request("reload", x=rows(1)[0]),
        r"'x': rank: expected 2, shape \(-1,4\), got 1",
    ),
    "shape": (
        tfs.predict_request("reload", x=rows(2, 5)),
        r"'x': shape: expected \(-1,4\), got \(2,5\)",
    ),
    "dtype": (
        tfs.predict_request("reload", x=rows(2).astype(np.float64)),
        "'x': dtype: expected float32, got float64",
    ),
    "name": (
        tfs.predict_request("reload", z=rows(2)),
        r"inputs: expected an input named 'x', got \['z'\]",
    ),
    "surplus": (
        tfs.predict_request("reload", x=rows(2), z=rows(2)),
        r"inputs: expected exactly \['x'\]",
    ),
    "truncated": (
        _truncated(),
        r"'x': tensor_content: expected 32 bytes for float32 \[2, 4\], got 29 bytes",
    ),
    "negative": (_negative(), r"'x': shape: expected sizes of 0 or more, got \[-2, 4\]"),
    "filter": (_filtered(), r"output_filter: expected names of outputs \['y'\], got 'z'"),
    "disagree": (
        tfs.predict_request("two", a=rows(2, 2), b=rows(3, 2)),
        "'b': batch size: expected 2 samples",
    ),
    "nothing": (
        prediction_service_pb2.PredictRequest(),
        "model_spec.name: expected the name of a model",
    ),
}


@pytest.mark.parametrize(("request_", "message"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_wrong_request_is_told_what_is_wrong(
    server: serving.Serving, request_: prediction_service_pb2.PredictRequest, message: str
) -> None:
    """INVALID_ARGUMENT names the field, with what was expected and what came; nothing reloads for it."""
    before = (await server.model_signals("reload")).counters.reloads

    with pytest.raises(grpc.aio.AioRpcError, match=message) as caught:
        await server.client.send(request_)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (await server.model_signals("reload")).counters.reloads == before


@pytest.mark.parametrize(("model", "version"), [("nobody", 0), ("reload", 7)])
async def test_an_unknown_model_is_not_found(server: serving.Serving, model: str, version: int) -> None:
    """NOT_FOUND for a name or a version that nobody serves."""
    request = tfs.predict_request(model, x=rows(1))
    if version:
        request.model_spec.version.value = version

    with pytest.raises(grpc.aio.AioRpcError, match="is not found") as caught:
        await server.client.send(request)

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(("model", "dimension"), [("reload", -1), ("demultiplex", -1), ("fixed", 3)])
async def test_metadata_shows_what_may_be_sent(
    server: serving.Serving, model: str, dimension: int
) -> None:
    """The batch dimension is -1 where any batch is taken, and the number where only that one is."""
    signature = (await server.client.metadata(model)).signature_def["serving_default"]

    assert [dim.size for dim in signature.inputs["x"].tensor_shape.dim] == [dimension, 4]
    assert [dim.size for dim in signature.outputs["y"].tensor_shape.dim] == [dimension, 4]
    assert signature.inputs["x"].dtype == tensor_pb2.DT_FLOAT


async def test_status_is_available(server: serving.Serving) -> None:
    """GetModelStatus, the HTTP status and grpc.health.v1 agree that the models serve."""
    status = (await server.client.status("reload")).model_version_status
    async with server.http.get("/v1/config") as response:
        config: dict[str, Any] = await response.json()
    async with grpc.aio.insecure_channel(server.target) as channel:
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())

    assert [(version.version, version.state, version.status.error_message) for version in status] == [
        (1, 30, "OK")
    ]
    assert config["reload"]["model_version_status"][0]["state"] == "AVAILABLE"
    assert health.status == health_pb2.HealthCheckResponse.SERVING


async def test_reloads_are_counted(server: serving.Serving) -> None:
    """A new batch size is one reload, in the metrics and in the signals; a known one is none."""
    for size in (1, 5, 5, 1, 5):
        await server.client.predict("reload", x=rows(size))

    signals = await server.model_signals("reload")
    assert signals.counters.reloads == 1
    assert signals.counters.requests == {1: 2, 5: 3}
    assert await server.metric("batchwright_reloads_total", model="reload", reason="new_size") == 1
    assert await server.metric("batchwright_samples_total", model="reload", version="1") == 17
    assert await server.metric("batchwright_reload_seconds_count", model="reload") == 1
    assert await server.metric("batchwright_strategy", model="reload", strategy="reload") == 1
    labels = {"model": "reload", "protocol": "tfs_grpc", "method": "Predict", "code": "OK"}
    assert await server.metric("batchwright_requests_total", **labels) == 5


async def test_would_reloads_are_counted_under_another_strategy(server: serving.Serving) -> None:
    """The reloads that the reload strategy would have made are known while another one serves."""
    for size in (1, 5, 5, 1, 5):
        await server.client.predict("demultiplex", x=rows(size))

    signals = await server.model_signals("demultiplex")
    assert signals.counters.reloads == 0
    assert signals.counters.would_reloads == 2  # nothing is compiled in the beginning


async def test_the_times_of_requests_are_in_the_signals(server: serving.Serving) -> None:
    """Every request is in one range of times, however it ended."""
    for count in (3, 3, 2):
        with suppress(grpc.aio.AioRpcError):  # another size is refused
            await server.client.predict("fixed", x=rows(count))

    counters = (await server.model_signals("fixed")).counters
    assert sum(counters.answered.values()) == 3
    assert sum(counters.requests.values()) == 2
    assert all(bound == -1 or bound >= 1000 for bound in counters.answered)
