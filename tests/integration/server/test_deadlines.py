"""Deadlines of HTTP clients, and clients that go away, on a real server with a slow model."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest

from batchwright_server.protos import grpc_predict_v2_pb2, grpc_predict_v2_pb2_grpc
from tests.support import models, serving
from tests.support.polling import eventually

WIDTH = 256
TFS, KSERVE = "/v1/models/deep:predict", "/v2/models/deep/infer"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.deep(width=WIDTH), tmp_path / "deep")
    split = {"strategy": "demultiplex"}
    config = serving.document(
        serving.model_config("deep", folder, batch_size="auto"),
        serving.model_config("split", folder, batching=split, nireq=1),
    )
    async with serving.serve(tmp_path, config) as running:
        yield running


def rows(count: int) -> list[list[float]]:
    return [[0.5] * WIDTH] * count


def kserve(count: int, **parameters: Any) -> dict[str, Any]:
    tensor = {"name": "x", "datatype": "FP32", "shape": [count, WIDTH], "data": rows(count)}
    return {"inputs": [tensor], "parameters": parameters}


async def ask(server: serving.Serving, path: str, timeout: str | None, body: Any) -> tuple[int, str]:
    headers = {"X-Request-Timeout": timeout} if timeout else {}
    content = io.BytesIO(json.dumps(body).encode())
    async with server.http.post(path, data=content, headers=headers) as response:
        return response.status, await response.text()


@pytest.mark.parametrize(
    ("path", "timeout", "body"),
    [
        (TFS, "0.001", {"instances": rows(3)}),
        (KSERVE, "0.001", kserve(3)),
        (KSERVE, None, kserve(3, timeout=1000)),
        (KSERVE, "30", kserve(3, timeout=1000)),
    ],
)
async def test_a_deadline_ends_the_wait_for_a_reload(
    server: serving.Serving, path: str, timeout: str | None, body: Any
) -> None:
    """The shortest of what a client says counts: by header in seconds, by parameter in microseconds."""
    status, text = await ask(server, path, timeout, body)

    assert status == 504
    assert "the deadline passed" in text
    assert await server.metric("batchwright_requests_total", code="DEADLINE_EXCEEDED") == 1


async def test_a_deadline_ends_an_inference(server: serving.Serving) -> None:
    """A batch of many shards is given up: those that did not begin never do."""
    status, text = await ask(
        server, "/v1/models/split:predict", "0.05", {"instances": [[0.5] * WIDTH] * 4000}
    )

    assert (status, "the deadline passed while inferring" in text) == (504, True)
    assert await server.metric("batchwright_shards_total", model="split") == 0
    ok, _ = await ask(server, "/v1/models/split:predict", "30", {"instances": rows(2)})
    assert ok == 200


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "soon", "1e400", "1" * 30])
async def test_a_timeout_that_is_none_is_refused(server: serving.Serving, timeout: str) -> None:
    """The header is named, with what was expected."""
    status, text = await ask(server, TFS, timeout, {"instances": rows(1)})

    assert (status, "X-Request-Timeout: expected seconds" in text) == (400, True)


async def test_a_parameter_that_is_none_is_refused(server: serving.Serving) -> None:
    """Over both protocols; 0 is for no limit."""
    for timeout in (-1, 1.5, "5"):
        status, text = await ask(server, KSERVE, None, kserve(1, timeout=timeout))
        assert (status, "timeout: expected a number of microseconds" in text) == (400, True)
    assert (await ask(server, KSERVE, None, kserve(1, timeout=0)))[0] == 200


async def test_tritons_parameter_counts_over_grpc(server: serving.Serving) -> None:
    """It is kept although the call itself has all the time in the world."""
    request = grpc_predict_v2_pb2.ModelInferRequest(model_name="deep")
    request.inputs.add(name="x", datatype="FP32", shape=[5, WIDTH])
    request.raw_input_contents.append(np.ones((5, WIDTH), np.float32).tobytes())
    request.parameters["timeout"].int64_param = 1000
    async with grpc.aio.insecure_channel(server.target) as channel:
        stub = grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ModelInfer(request, timeout=60)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "the deadline passed" in (caught.value.details() or "")


@pytest.mark.parametrize(("path", "body"), [(TFS, {"instances": rows(9)}), (KSERVE, kserve(9))])
async def test_a_client_that_goes_away_leaves_the_queue(
    server: serving.Serving, path: str, body: Any
) -> None:
    """Its connection is closed, its work is dropped, and its size is never compiled."""
    ahead = [
        asyncio.create_task(ask(server, TFS, None, {"instances": rows(size)})) for size in range(2, 8)
    ]

    async def has_come(count: int) -> bool:
        running = await server.metric("batchwright_in_flight", model="deep")
        return running + await server.metric("batchwright_requests_total", model="deep") >= count

    await eventually(lambda: has_come(6))
    async with aiohttp.ClientSession() as leaving:
        url = f"http://127.0.0.1:{server.server.http_port}{path}"
        gone = asyncio.create_task(_post(leaving, url, body))
        await eventually(lambda: has_come(7))
        gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    async def is_dropped() -> bool:
        return await server.metric("batchwright_reload_queue_rejected_total", reason="cancelled") == 1

    await eventually(is_dropped)
    assert {status for status, _ in await asyncio.gather(*ahead)} == {200}
    assert (await server.model_signals("deep")).counters.reloads == 6


async def _post(session: aiohttp.ClientSession, url: str, body: Any) -> None:
    async with session.post(url, json=body) as response:
        await response.read()
