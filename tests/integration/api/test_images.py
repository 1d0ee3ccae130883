"""Images in place of numbers, over every protocol of a real server."""

import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops
from PIL import Image

from batchwright_server.protos import (
    grpc_predict_v2_pb2,
    grpc_predict_v2_pb2_grpc,
    prediction_service_pb2,
    tensor_pb2,
)
from tests.support import models, serving, tfs

HEIGHT, WIDTH = 6, 8


def identity() -> ov.Model:
    """`y` = `x` + 0 on float32 [1, 3, 6, 8]."""
    x = ops.parameter([1, 3, HEIGHT, WIDTH], np.float32, name="x")
    x.output(0).set_names({"x"})
    y = ops.add(x, ops.constant(np.float32(0)))
    y.output(0).set_names({"y"})
    return ov.Model([ops.result(y)], [x], "identity")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(identity(), tmp_path / "identity")
    configs = [
        serving.model_config("m", folder, layout="NHWC:NCHW", batch_size="auto"),
        serving.model_config("any", folder, layout="NHWC:NCHW", shape="auto"),
        serving.model_config("chw", folder),
    ]
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


def rgb(seed: int, height: int = HEIGHT, width: int = WIDTH) -> tfs.Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def png(pixels: tfs.Array, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


IMAGES = [rgb(seed) for seed in range(3)]
FILES = [png(pixels) for pixels in IMAGES]
EXPECTED = np.stack([pixels[..., ::-1].transpose(2, 0, 1) for pixels in IMAGES])


def with_lengths(files: list[bytes]) -> bytes:
    return b"".join(len(file).to_bytes(4, "little") + file for file in files)


async def ask_tfs(server: serving.Serving, files: list[bytes], model: str = "m") -> tfs.Array:
    request = prediction_service_pb2.PredictRequest()
    request.model_spec.name = model
    tensor = request.inputs["x"]
    tensor.dtype = tensor_pb2.DT_STRING
    tensor.tensor_shape.dim.add(size=len(files))
    tensor.string_val.extend(files)
    return (await server.client.send(request))["y"]


async def ask_kserve(server: serving.Serving, files: list[bytes], *, raw: bool) -> tfs.Array:
    request = grpc_predict_v2_pb2.ModelInferRequest(model_name="m")
    tensor = request.inputs.add(name="x", datatype="BYTES", shape=[len(files)])
    if raw:
        request.raw_input_contents.append(with_lengths(files))
    else:
        tensor.contents.bytes_contents.extend(files)
    async with grpc.aio.insecure_channel(server.target) as channel:
        stub = grpc_predict_v2_pb2_grpc.GRPCInferenceServiceStub(channel)
        answer = await stub.ModelInfer(request, timeout=30)
    content = np.frombuffer(answer.raw_output_contents[0], np.float32)
    return content.reshape(answer.outputs[0].shape)


async def ask_rest(server: serving.Serving, body: dict[str, Any]) -> tfs.Array:
    async with server.http.post("/v1/models/m:predict", json=body) as response:
        answer = await response.json()
        assert response.status == 200, answer
    return np.array(answer["predictions" if "instances" in body else "outputs"])


async def ask_binary(
    server: serving.Serving, content: bytes, count: int, *, tell_size: bool
) -> tfs.Array:
    tensor: dict[str, Any] = {"name": "x", "datatype": "BYTES", "shape": [count]}
    if tell_size:
        tensor["parameters"] = {"binary_data_size": len(content)}
    header = json.dumps({"inputs": [tensor]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(header))}
    async with server.http.post(
        "/v2/models/m/infer", data=header + content, headers=headers
    ) as response:
        answer = await response.json()
        assert response.status == 200, answer
    output = answer["outputs"][0]
    return np.array(output["data"]).reshape(output["shape"])


async def test_every_protocol_takes_a_batch_of_images(server: serving.Serving) -> None:
    """The same three images give the same answer, wherever the protocol puts them."""
    encoded = [{"b64": base64.b64encode(file).decode()} for file in FILES]
    answers = [
        await ask_tfs(server, FILES),
        await ask_kserve(server, FILES, raw=True),
        await ask_kserve(server, FILES, raw=False),
        await ask_rest(server, {"instances": encoded}),
        await ask_rest(server, {"instances": [{"x": item} for item in encoded]}),
        await ask_rest(server, {"inputs": {"x": encoded}}),
        await ask_binary(server, with_lengths(FILES), 3, tell_size=True),
        await ask_binary(server, with_lengths(FILES), 3, tell_size=False),
    ]

    for answer in answers:
        np.testing.assert_array_equal(answer, EXPECTED)


async def test_a_single_image_may_come_bare(server: serving.Serving) -> None:
    """Its length is that of the data."""
    answer = await ask_binary(server, FILES[0], 1, tell_size=False)

    np.testing.assert_array_equal(answer, EXPECTED[:1])


async def test_images_get_the_size_of_the_input(server: serving.Serving) -> None:
    """Larger and smaller ones, in color, gray and with transparency, are brought to it."""
    flat = [np.full((height, 5, 3), 77, np.uint8) for height in (3, 6, 40)]
    gray = png(np.full((9, 9), 77, np.uint8))
    clear = png(np.full((9, 9, 4), 77, np.uint8))
    jpeg = png(flat[2], "JPEG")

    answer = await ask_tfs(server, [*map(png, flat), gray, clear, jpeg])

    assert answer.shape == (6, 3, HEIGHT, WIDTH)
    np.testing.assert_array_equal(answer, 77)


async def test_an_input_of_any_size_takes_images_as_they_are(server: serving.Serving) -> None:
    """All of a request must have one size, as a tensor has."""
    larger = [rgb(seed, 9, 11) for seed in range(2)]
    answer = await ask_tfs(server, [*map(png, larger)], "any")

    np.testing.assert_array_equal(answer[1], larger[1][..., ::-1].transpose(2, 0, 1))
    with pytest.raises(grpc.aio.AioRpcError, match=r"image 1: expected \[9, 11, 3\], as the first"):
        await ask_tfs(server, [png(larger[0]), FILES[0]], "any")


@pytest.mark.parametrize(
    ("model", "files", "told"),
    [
        ("chw", FILES, "only an input of layout NHWC takes images"),
        ("m", [b"hello"], "image 0: expected a JPEG or PNG image, got 5 other bytes"),
        ("m", [FILES[0], FILES[0][:60]], "image 1: expected a JPEG or PNG image"),
        ("m", [], "an image for each sample"),
    ],
)
async def test_what_is_no_image_for_the_input_is_told(
    server: serving.Serving, model: str, files: list[bytes], told: str
) -> None:
    """INVALID_ARGUMENT, with the input, which image, and what to do."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask_tfs(server, files, model)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert told in (caught.value.details() or "")
