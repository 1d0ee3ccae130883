"""Batches that are not the first dimension, of the model or of its clients, against numpy."""

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_server.core.tensors import Tensor
from batchwright_server.protos import grpc_predict_v2_pb2 as messages
from batchwright_server.protos import grpc_predict_v2_pb2_grpc
from tests.integration.server.test_strategies import WAYS
from tests.support import models, serving, tfs

# By how clients have `a` and `z`: as the model does, or with samples in front.
LAYOUTS = {
    "clients second": {"table": "CD", "a": "CN", "b": "NC", "z": "CN"},
    "clients first": {"table": "CD", "a": "NC:CN", "b": "NC", "z": "NC:CN"},
    "one of each": {"table": "CD", "a": "CN", "b": "NC", "z": "NC:CN"},
    "only what is needed": {"table": "CD", "a": "...N", "z": "...N"},
}
APIS = ["tfs grpc", "tfs rest", "kserve grpc", "kserve rest", "kserve binary"]


def is_second(name: str, layout: str) -> bool:
    """Whether clients have the batch of `name` second."""
    return LAYOUTS[layout][name].partition(":")[0].endswith("N")


def make(
    random: np.random.Generator, rows: int, layout: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Inputs, and the outputs that numpy works out for them, in the clients' order."""
    table, a, b = (
        random.integers(-9, 9, shape).astype(np.float32) for shape in ((3, 2), (rows, 3), (rows, 2))
    )
    y, z = a @ table + b, a + b.sum(axis=1, keepdims=True)
    inputs = {"table": table, "a": a.T if is_second("a", layout) else a, "b": b}
    return inputs, {"y": y, "z": z.T if is_second("z", layout) else z}


async def ask(
    running: serving.Serving, api: str, model: str, inputs: dict[str, Tensor]
) -> dict[str, Any]:
    if api == "tfs grpc":
        return await running.client.send(tfs.predict_request(model, **inputs))
    if api == "tfs rest":
        body = {"inputs": {name: tensor.tolist() for name, tensor in inputs.items()}}
        async with running.http.post(f"/v1/models/{model}:predict", json=body) as response:
            assert response.status == 200, await response.text()
            found = (await response.json())["outputs"]
        return {name: np.array(value, np.float32) for name, value in found.items()}
    if api == "kserve grpc":
        return await ask_kserve(running, model, inputs)
    return await ask_kserve_json(running, model, inputs, is_binary=api == "kserve binary")


async def ask_kserve(running: serving.Serving, model: str, inputs: dict[str, Tensor]) -> dict[str, Any]:
    request = messages.ModelInferRequest(model_name=model)
    for name, tensor in inputs.items():
        request.inputs.add(name=name, datatype="FP32", shape=tensor.shape)
        request.raw_input_contents.append(tensor.tobytes())
    async with grpc.aio.insecure_channel(running.target) as channel:
        answer = await grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request)
    raw = zip(answer.outputs, answer.raw_output_contents, strict=True)
    return {
        tensor.name: np.frombuffer(data, np.float32).reshape(tuple(tensor.shape)) for tensor, data in raw
    }


async def ask_kserve_json(
    running: serving.Serving, model: str, inputs: dict[str, Tensor], *, is_binary: bool
) -> dict[str, Any]:
    described = [
        {"name": name, "datatype": "FP32", "shape": tensor.shape}
        | (
            {"parameters": {"binary_data_size": tensor.nbytes}}
            if is_binary
            else {"data": tensor.ravel().tolist()}
        )
        for name, tensor in inputs.items()
    ]
    document = {"inputs": described, "parameters": {"binary_data_output": is_binary}}
    text = json.dumps(document).encode()
    raw = b"".join(tensor.tobytes() for tensor in inputs.values()) if is_binary else b""
    headers = {"Inference-Header-Content-Length": str(len(text))}
    async with running.http.post(
        f"/v2/models/{model}/infer", data=text + raw, headers=headers
    ) as response:
        body = await response.read()
        assert response.status == 200, body
        length = int(response.headers.get("Inference-Header-Content-Length", len(body)))
    outputs, behind = {}, body[length:]
    for item in json.loads(body[:length])["outputs"]:
        size = item.get("parameters", {}).get("binary_data_size", 0)
        values = np.frombuffer(behind[:size], np.float32) if is_binary else np.array(item["data"])
        outputs[item["name"]], behind = values.reshape(item["shape"]), behind[size:]
    return outputs


async def ask_all(tmp_path: Path, layout: str, sizes: list[int], seed: int) -> None:
    """Every way of batching, by every API."""
    folder = tmp_path / "model"
    if not folder.exists():
        models.save(models.some_batches_second(), folder)
    configs = [
        serving.model_config(way, folder, layout=LAYOUTS[layout], batching=WAYS[way]) for way in WAYS
    ]
    random = np.random.default_rng(seed)
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        for way in WAYS:
            for api, rows in zip(APIS, sizes, strict=True):
                inputs, expected = make(random, rows, layout)
                answer = await ask(running, api, way, inputs)
                for name, tensor in expected.items():
                    np.testing.assert_array_equal(answer[name], tensor, f"{way} by {api}: {name}")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layouts")


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=2, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=len(APIS), max_size=len(APIS)),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_sample_is_in_its_place(workspace: Path, layout: str, sizes: list[int], seed: int) -> None:
    """By every strategy and API, whatever the size: numpy's answer, in the order of the client."""
    asyncio.run(ask_all(workspace, layout, sizes, seed))


async def test_clients_are_told_of_their_own_order(tmp_path: Path) -> None:
    """Metadata and refusals have the batch where clients have it."""
    folder = models.save(models.some_batches_second(), tmp_path / "model")
    config = serving.model_config(
        "m", folder, layout=LAYOUTS["clients second"], batching={"strategy": "dynamic"}
    )
    inputs, _ = make(np.random.default_rng(0), 4, "clients second")
    async with serving.serve(tmp_path, serving.document(config)) as running:
        async with running.http.get("/v2/models/m") as response:
            document = await response.json()
        with pytest.raises(grpc.aio.AioRpcError, match=r"'a': shape: expected \(3,-1\), got \(2,4\)"):
            await running.client.send(tfs.predict_request("m", **(inputs | {"a": inputs["a"][:2]})))
        five = np.zeros((5, 2), np.float32)
        with pytest.raises(grpc.aio.AioRpcError, match=r"'b': batch size: expected 4 samples.*got 5"):
            await running.client.send(tfs.predict_request("m", **(inputs | {"b": five})))

    assert {item["name"]: item["shape"] for item in document["inputs"]} == {
        "table": [3, 2],
        "a": [3, -1],
        "b": [-1, 2],
    }
    assert {item["name"]: item["shape"] for item in document["outputs"]} == {"y": [-1, 2], "z": [3, -1]}
