"""Models of strings on a real server: every strategy, every protocol."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from batchwright_server.api import byte_elements
from batchwright_server.core.tensors import Tensor, strings
from batchwright_server.protos import grpc_predict_v2_pb2 as messages
from batchwright_server.protos import grpc_predict_v2_pb2_grpc, tensor_pb2
from tests.support import models, serving, tfs

COALESCE = {"coalesce": {"max_batch_size": 8, "max_delay_seconds": 0.001}}
BUCKETS = {"strategy": "buckets", "buckets": {"sizes": [2, 5]}}
PLANS: dict[str, dict[str, Any]] = {
    "reload": {"strategy": "reload"},
    "split": {"strategy": "reload", "reload": {"on_miss": "split"}},
    "dynamic": {"strategy": "dynamic"},
    "dynamic together": {"strategy": "dynamic"} | COALESCE,
    "demultiplex": {"strategy": "demultiplex"},
    "demultiplex together": {"strategy": "demultiplex"} | COALESCE,
    "buckets": BUCKETS,
    "buckets together": BUCKETS | COALESCE,
}
PROTOCOLS = ["tfs grpc", "tfs rest", "kserve grpc", "kserve typed", "kserve rest", "kserve binary"]
ROUNDS = 4
NOT_TEXT = (b"\xff\xfe", b"\0", b"ends in zeros\0\0", b"", "é".encode(), b"a" * 300)


def make_inputs(random: np.random.Generator, rows: int) -> dict[str, Tensor]:
    drawn = [
        NOT_TEXT[int(kind)] + b"%d" % random.integers(1000) for kind in random.integers(6, size=2 * rows)
    ]
    texts = [*drawn[:-1], NOT_TEXT[int(random.integers(6))]]
    x = random.integers(0, 1000, (rows, 1)).astype(np.float32)
    return {"s": strings(texts).reshape(rows, 2), "x": x}


def check(inputs: dict[str, Tensor], outputs: dict[str, Any]) -> None:
    """Each row of an answer belongs to the same row of its own request."""
    s, x = inputs["s"], inputs["x"]
    assert outputs["turned"].tolist() == s[:, ::-1].tolist()
    assert outputs["lengths"].tolist() == [[len(text) for text in row] for row in s]
    assert outputs["y"].tolist() == (3 * x).tolist()


async def ask(running: serving.Serving, protocol: str, inputs: dict[str, Tensor]) -> dict[str, Any]:
    if protocol == "tfs grpc":
        return await running.client.send(tfs.predict_request("words", **inputs))
    if protocol == "tfs rest":
        return await ask_tensorflow_json(running, inputs)
    if protocol.startswith("kserve r") or protocol == "kserve binary":
        return await ask_kserve_json(running, inputs, is_binary=protocol == "kserve binary")
    return await ask_kserve(running, inputs, is_typed=protocol == "kserve typed")


def encode(text: bytes) -> Any:
    return {"b64": base64.b64encode(text).decode()}


def decode(value: Any) -> bytes:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else str(value).encode()


async def ask_tensorflow_json(running: serving.Serving, inputs: dict[str, Tensor]) -> dict[str, Any]:
    rows = [
        {"s": [encode(text) for text in texts], "x": x.tolist()}
        for texts, x in zip(inputs["s"], inputs["x"], strict=True)
    ]
    body = {"instances": rows}
    async with running.http.post("/v1/models/words:predict", json=body) as response:
        assert response.status == 200, await response.text()
        answers = (await response.json())["predictions"]
    outputs = {name: np.array([row[name] for row in answers]) for name in ("lengths", "y")}
    turned = [decode(value) for row in answers for value in row["turned"]]
    return outputs | {"turned": strings(turned).reshape(-1, 2)}


async def ask_kserve_json(
    running: serving.Serving, inputs: dict[str, Tensor], *, is_binary: bool
) -> dict[str, Any]:
    s, x = inputs["s"], inputs["x"]
    raw = byte_elements.join(s)
    described: dict[str, Any] = {"name": "s", "datatype": "BYTES", "shape": s.shape}
    described |= (
        {"parameters": {"binary_data_size": len(raw)}}
        if is_binary
        else {"data": [encode(text) for text in s.ravel()]}
    )
    number = {"name": "x", "datatype": "FP32", "shape": x.shape, "data": x.ravel().tolist()}
    parameters = {"binary_data_output": is_binary}
    text = json.dumps({"inputs": [described, number], "parameters": parameters}).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    body = text + (raw if is_binary else b"")
    async with running.http.post("/v2/models/words/infer", data=body, headers=headers) as response:
        answer = await response.read()
        assert response.status == 200, answer
        length = int(response.headers.get("Inference-Header-Content-Length", len(answer)))
    return read_kserve_json(json.loads(answer[:length])["outputs"], answer[length:])


def read_kserve_json(described: list[dict[str, Any]], raw: bytes) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    for item in described:
        size = item.get("parameters", {}).get("binary_data_size", 0)
        content, raw = raw[:size], raw[size:]
        if item["datatype"] == "BYTES":
            count = int(np.prod(item["shape"]))
            found = byte_elements.split("s", content, count) if size else map(decode, item["data"])
            outputs[item["name"]] = strings(list(found)).reshape(item["shape"])
        else:
            dtype = {"FP32": np.float32, "INT32": np.int32}[item["datatype"]]
            values = np.frombuffer(content, dtype) if size else np.array(item["data"])
            outputs[item["name"]] = values.reshape(item["shape"])
    assert raw == b""
    return outputs


def kserve_request(inputs: dict[str, Tensor], *, is_typed: bool) -> messages.ModelInferRequest:
    request = messages.ModelInferRequest(model_name="words")
    s = request.inputs.add(name="s", datatype="BYTES", shape=inputs["s"].shape)
    x = request.inputs.add(name="x", datatype="FP32", shape=inputs["x"].shape)
    if is_typed:
        s.contents.bytes_contents.extend(inputs["s"].ravel().tolist())
        x.contents.fp32_contents.extend(inputs["x"].ravel().tolist())
    else:
        request.raw_input_contents.extend([byte_elements.join(inputs["s"]), inputs["x"].tobytes()])
    return request


async def ask_kserve(
    running: serving.Serving, inputs: dict[str, Tensor], *, is_typed: bool
) -> dict[str, Any]:
    async with grpc.aio.insecure_channel(running.target) as channel:
        stub = grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel)
        answer = await stub.ModelInfer(kserve_request(inputs, is_typed=is_typed), timeout=60)
    outputs: dict[str, Any] = {}
    for tensor, raw in zip(answer.outputs, answer.raw_output_contents, strict=True):
        if tensor.datatype == "BYTES":
            found = byte_elements.split("s", raw, int(np.prod(tensor.shape)))
            outputs[tensor.name] = strings(found).reshape(tuple(tensor.shape))
        else:
            dtype = {"FP32": np.float32, "INT32": np.int32}[tensor.datatype]
            outputs[tensor.name] = np.frombuffer(raw, dtype).reshape(tuple(tensor.shape))
    return outputs


@pytest.mark.parametrize("plan", PLANS)
async def test_every_strategy_serves_strings_by_every_protocol(tmp_path: Path, plan: str) -> None:
    """Requests of many sizes at once, each string comes back to its own row, padded and split or not."""
    folder = models.save(models.words(), tmp_path / "words")
    config = serving.document(serving.model_config("words", folder, batching=PLANS[plan]))
    random = np.random.default_rng(0)

    async with serving.serve(tmp_path, config) as running:

        async def client(protocol: str, sizes: list[int]) -> None:
            for size in sizes:
                inputs = make_inputs(random, size)
                check(inputs, await ask(running, protocol, inputs))

        sizes = random.integers(1, 8, (len(PROTOCOLS), ROUNDS)).tolist()
        async with asyncio.TaskGroup() as group:
            for protocol, own in zip(PROTOCOLS, sizes, strict=True):
                group.create_task(client(protocol, own))

        assert await running.metric("batchwright_requests_total", code="OK") == len(PROTOCOLS) * ROUNDS


async def test_a_fixed_batch_and_what_clients_are_told(tmp_path: Path) -> None:
    """The batch of the configuration is served, another refused; metadata names the element types."""
    folder = models.save(models.words(), tmp_path / "words")
    config = serving.document(serving.model_config("words", folder, batch_size=3))
    random = np.random.default_rng(0)

    async with serving.serve(tmp_path, config) as running:
        inputs = make_inputs(random, 3)
        check(inputs, await running.client.send(tfs.predict_request("words", **inputs)))
        with pytest.raises(grpc.aio.AioRpcError, match="expected 3 samples, got 2"):
            await running.client.send(tfs.predict_request("words", **make_inputs(random, 2)))
        signature = (await running.client.metadata("words")).signature_def["serving_default"]
        async with running.http.get("/v2/models/words") as response:
            document = await response.json()

    assert signature.inputs["s"].dtype == signature.outputs["turned"].dtype == tensor_pb2.DT_STRING
    assert [item["datatype"] for item in document["inputs"]] == ["BYTES", "FP32"]
    assert [item["datatype"] for item in document["outputs"]] == ["BYTES", "INT32", "FP32"]


async def test_costs_of_strings_are_measured(tmp_path: Path) -> None:
    """Calibration and the check of independence have strings to try a model with."""
    folder = models.save(models.words(), tmp_path / "words")
    batching = {"strategy": "demultiplex", "calibration": {"enabled": True}}
    config = serving.document(serving.model_config("words", folder, batching=batching))

    async with serving.serve(tmp_path, config) as running:
        found = await running.model_signals("words")

    (cost,) = (cost for cost in found.costs if cost.plan.strategy == "demultiplex")
    assert [point.batch_size for point in cost.points] == [1, 4, 16]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"raw": b"\5\0\0\0abc\0\0\0\0"},
            "raw_input_contents: element 1: expected a length of 4 bytes, got 2 bytes",
        ),
        ({"raw": b"\2\0\0"}, "raw_input_contents: expected 2 elements .*4 bytes, got 3 bytes"),
        ({"raw": b"\1\0\0\0ab\0\0\0\0"}, "raw_input_contents: element 1: expected 98 bytes"),
        (
            {"shape": [1, 1]},
            "expected nothing behind the 1 elements that the shape has, got .* bytes more",
        ),
        ({"datatype": "FP32"}, "raw_input_contents: expected 8 bytes for float32"),
    ],
)
async def test_contents_that_lie_are_told(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """INVALID_ARGUMENT with the field, what was expected and what came; the server goes on."""
    folder = models.save(models.words(), tmp_path / "words")
    config = serving.document(serving.model_config("words", folder, batching={"strategy": "dynamic"}))
    inputs = make_inputs(np.random.default_rng(0), 1)
    request = kserve_request(inputs, is_typed=False)
    if "raw" in change:
        request.raw_input_contents[0] = change["raw"]
    if "shape" in change:
        request.inputs[0].ClearField("shape")
        request.inputs[0].shape.extend(change["shape"])
    request.inputs[0].datatype = change.get("datatype", "BYTES")

    async with serving.serve(tmp_path, config) as running:
        async with grpc.aio.insecure_channel(running.target) as channel:
            stub = grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError, match=words) as refused:
                await stub.ModelInfer(request, timeout=10)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        check(inputs, await running.client.send(tfs.predict_request("words", **inputs)))


async def test_numbers_for_strings_are_refused_and_strings_for_numbers(tmp_path: Path) -> None:
    """Each with the element type that is expected."""
    folder = models.save(models.words(), tmp_path / "words")
    config = serving.document(serving.model_config("words", folder, batching={"strategy": "dynamic"}))
    inputs = make_inputs(np.random.default_rng(0), 1)

    async with serving.serve(tmp_path, config) as running:
        with pytest.raises(grpc.aio.AioRpcError, match="input 's': dtype: expected string, got float32"):
            await running.client.predict("words", s=np.zeros((1, 2), np.float32), x=inputs["x"])
        with pytest.raises(grpc.aio.AioRpcError, match="input 'x': expected numbers, as only an input"):
            await running.client.predict("words", s=inputs["s"], x=strings([b"1"]).reshape(1, 1))


async def test_operations_unsafe_on_strings_are_refused_at_load(tmp_path: Path) -> None:
    """The model fails with the operation's name, and the others serve."""
    broken = models.save(models.split_words(), tmp_path / "split")
    folder = models.save(models.echo(), tmp_path / "echo")
    config = serving.document(
        serving.model_config("split", broken), serving.model_config("echo", folder, batch_size="auto")
    )
    s = strings(list(NOT_TEXT)).reshape(3, 2)

    async with serving.serve(tmp_path, config) as running:
        (version,) = (await running.client.status("split")).model_version_status
        answer = await running.client.predict("echo", s=s)

    assert "operation Split" in version.status.error_message
    assert "works on strings" in version.status.error_message
    assert answer["s"].tolist() == s.tolist()


async def test_layouts_of_strings(tmp_path: Path) -> None:
    """A batch that the model has in the second place comes first for clients, of strings as well."""
    folder = models.save(models.echo(batch=2), tmp_path / "echo")
    config = serving.document(
        serving.model_config("echo", folder, layout="NC:CN", batching={"strategy": "dynamic"})
    )
    s = strings(list(NOT_TEXT)).reshape(3, 2)

    async with serving.serve(tmp_path, config) as running:
        answer = await running.client.predict("echo", s=s)

    assert answer["s"].tolist() == s.T.tolist()
