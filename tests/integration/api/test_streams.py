"""Streams of a real server: inference in order, and ids of calls that answer with a stream."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from batchwright_server.protos import grpc_predict_v2_pb2, grpc_predict_v2_pb2_grpc
from tests.support import foreign, models, serving
from tests.support.polling import eventually

WIDTH = 4


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    affine = models.save(models.affine(WIDTH), tmp_path / "affine")
    deep = models.save(models.deep(), tmp_path / "deep")
    configs = [
        serving.model_config("affine", affine, batch_size="auto"),
        serving.model_config("deep", deep, batch_size="auto"),
    ]
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


@pytest.fixture
async def channel(server: serving.Serving) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.target) as opened:
        yield opened


def request(
    number: int, rows: int, model: str = "affine", width: int = WIDTH
) -> grpc_predict_v2_pb2.ModelInferRequest:
    message = grpc_predict_v2_pb2.ModelInferRequest(model_name=model, id=str(number))
    message.inputs.add(name="x", datatype="FP32", shape=[rows, width])
    message.raw_input_contents.append(np.full((rows, width), number, np.float32).tobytes())
    return message


async def test_answers_come_in_order_with_failures_among_them(channel: grpc.aio.Channel) -> None:
    """Sizes that reload, a request that is wrong, a model that is not there: none ends the stream."""
    sent = [request(number, rows=number % 5 + 1) for number in range(20)]
    sent[7] = request(7, 1, width=3)
    sent[11] = request(11, 1, model="nobody")
    stub = grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel)

    answers = [answer async for answer in stub.ModelStreamInfer(iter(sent))]

    assert [answer.infer_response.id for answer in answers] == [str(number) for number in range(20)]
    for number, answer in enumerate(answers):
        if number == 7:
            assert "input 'x': shape: expected (-1,4)" in answer.error_message
        elif number == 11:
            assert "Model with requested name is not found" in answer.error_message
        else:
            assert answer.error_message == ""
            content = np.frombuffer(answer.infer_response.raw_output_contents[0], np.float32)
            assert (content == 3 * number + 1).all()
            assert content.size == WIDTH * (number % 5 + 1)


async def test_a_client_that_leaves_its_stream_leaves_the_queue(
    server: serving.Serving, channel: grpc.aio.Channel
) -> None:
    """What waits for a reload is given up with the stream."""
    stub = grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel)
    sent = [request(rows, rows, model="deep", width=256) for rows in range(2, 12)]
    call = stub.ModelStreamInfer(iter(sent))
    await call.read()

    call.cancel()

    async def is_dropped() -> bool:
        reason = "cancelled"
        return await server.metric("batchwright_reload_queue_rejected_total", reason=reason) > 0

    await eventually(is_dropped)
    assert await server.metric("batchwright_reload_queue_depth") == 0


async def test_a_server_that_ends_does_not_wait_for_silent_streams(server: serving.Serving) -> None:
    """A stream that asks nothing is ended with UNAVAILABLE, and ending takes no grace period."""
    async with grpc.aio.insecure_channel(server.target) as channel:
        stub = grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel)
        call = stub.ModelStreamInfer()
        await call.write(request(1, 1))
        await call.read()

        async with asyncio.timeout(10):
            assert server.server._grpc
            await server.server._grpc.stop(60)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call.read()

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_calls_that_answer_with_a_stream_have_ids(
    channel: grpc.aio.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    """Reflection and Watch give the client's id back, and have a line in the log like any call."""
    metadata = (("x-request-id", "mine"),)
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")]), metadata=metadata
    )
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), metadata=metadata)
    with caplog.at_level(logging.DEBUG, "batchwright_server.api.request_log"):
        assert [answer async for answer in reflection]
        await watch.read()
        watch.cancel()

        async def are_told() -> bool:
            return len(caplog.records) == 2

        await eventually(are_told)

    assert ("x-request-id", "mine") in tuple(await reflection.trailing_metadata())
    told = {record.__dict__["fields"]["method"].rsplit("/")[-1]: record for record in caplog.records}
    assert told.keys() == {"ServerReflectionInfo", "Watch"}
    codes = {name: record.__dict__["fields"]["code"] for name, record in told.items()}
    assert codes == {"ServerReflectionInfo": "OK", "Watch": "CANCELLED"}


@pytest.mark.foreign
@pytest.mark.timeout(600)
async def test_tritonclient_streams(server: serving.Serving) -> None:
    """NVIDIA's client gets its answers by callback, in order, and the failure among them."""
    report = await foreign.require(foreign.TRITON).ask("triton_stream.py", server.target)

    assert [answer["id"] for answer in report["answers"]] == ["0", "1", "2", "4"]
    assert [answer["y"] for answer in report["answers"]] == [
        [[3.0 * number + 1] * WIDTH] * (number + 1) for number in (0, 1, 2, 4)
    ]
    assert "is not found" in report["errors"][0]
