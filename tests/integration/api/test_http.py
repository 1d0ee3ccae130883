"""A real server, asked over HTTP by hand: TensorFlow Serving's and KServe's documents to the letter."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from google.protobuf import json_format

from batchwright_server.protos import prediction_service_pb2
from tests.support import models, serving


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.affine(), tmp_path / "affine")
    wide = models.save(models.affine(512), tmp_path / "wide")
    configs = [
        serving.model_config("affine", folder, batching={"strategy": "demultiplex"}),
        serving.model_config("fixed", folder, batch_size=2),
        serving.model_config("wide", wide, batch_size="auto"),
    ]
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


async def ask(server: serving.Serving, method: str, path: str, **body: Any) -> tuple[int, Any]:
    async with server.http.request(method, path, **body) as response:
        assert response.content_type == "application/json"
        return response.status, await response.json()


@pytest.mark.parametrize("path", ["/v1/models/affine", "/v1/models/affine/versions/1"])
async def test_predict_in_rows_and_columns(server: serving.Serving, path: str) -> None:
    """The answer has the request's layout, whatever the batch size."""
    rows = await ask(server, "POST", f"{path}:predict", json={"instances": [[0, 1, 2, 3], [1, 1, 1, 1]]})
    columns = await ask(server, "POST", f"{path}:predict", json={"inputs": {"x": [[0, 1, 2, 3]]}})

    assert rows == (200, {"predictions": [[1.0, 4.0, 7.0, 10.0], [4.0] * 4]})
    assert columns == (200, {"outputs": [[1.0, 4.0, 7.0, 10.0]]})
    labels = {"model": "affine", "protocol": "tfs_rest", "code": "OK"}
    assert await server.metric("batchwright_requests_total", **labels) == 2


async def test_status_and_metadata_have_the_documented_shapes(server: serving.Serving) -> None:
    """Metadata is proto's JSON, which proto's own parser reads, with numbers of 64 bits as strings."""
    status = await ask(server, "GET", "/v1/models/affine")
    _, metadata = await ask(server, "GET", "/v1/models/affine/versions/1/metadata")

    ok = {"error_code": "OK", "error_message": "OK"}
    assert status == (
        200,
        {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": ok}]},
    )
    assert metadata["modelSpec"] == {"name": "affine", "signatureName": "", "version": "1"}
    field = metadata["metadata"]["signature_def"]
    assert field["@type"] == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    dims = [{"size": "-1", "name": ""}, {"size": "4", "name": ""}]
    shape = {"dim": dims, "unknownRank": False}
    assert field["signatureDef"]["serving_default"] == {
        "inputs": {"x": {"dtype": "DT_FLOAT", "tensorShape": shape, "name": "x"}},
        "outputs": {"y": {"dtype": "DT_FLOAT", "tensorShape": shape, "name": "y"}},
        "methodName": "",
    }
    message = prediction_service_pb2.GetModelMetadataResponse()
    json_format.ParseDict(metadata, message)
    assert message.model_spec.name == "affine"


async def test_kserve_documents(server: serving.Serving) -> None:
    """Metadata, readiness, configuration and statistics are where the protocol has them."""
    _, about = await ask(server, "GET", "/v2")
    _, model = await ask(server, "GET", "/v2/models/fixed/versions/1")
    ready = await ask(server, "GET", "/v2/models/affine/ready")
    _, config = await ask(server, "GET", "/v2/models/fixed/config")
    _, statistics = await ask(server, "GET", "/v2/models/stats")
    _, index = await ask(server, "GET", "/v2/repository/index")

    assert about["name"] == "Batchwright"
    assert model["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [2, 4]}]
    assert ready == (200, {"name": "affine", "ready": True})
    assert (config["max_batch_size"], config["input"][0]["dims"]) == (0, [2, 4])
    assert [item["name"] for item in statistics["model_stats"]] == ["affine", "fixed", "wide"]
    assert [item["state"] for item in index] == ["READY"] * 3


async def test_large_bodies_are_answered_in_kind(server: serving.Serving) -> None:
    """Megabytes go in and out, raw and as JSON, row for row."""
    x = np.arange(1000 * 512, dtype=np.float32).reshape(1000, 512) % 1000
    tensor = {"name": "x", "datatype": "FP32", "shape": [1000, 512]}
    raw = tensor | {"parameters": {"binary_data_size": x.nbytes}}
    header = json.dumps({"inputs": [raw], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference-Header-Content-Length": str(len(header))}

    async with server.http.post(
        "/v2/models/wide/infer", data=io.BytesIO(header + x.tobytes()), headers=headers
    ) as response:
        body = await response.read()
        length = int(response.headers["Inference-Header-Content-Length"])
    inputs = io.BytesIO(json.dumps({"inputs": [tensor | {"data": x.tolist()}]}).encode())
    _, plain = await ask(server, "POST", "/v2/models/wide/infer", data=inputs)
    instances = io.BytesIO(json.dumps({"instances": x.tolist()}).encode())
    _, rows = await ask(server, "POST", "/v1/models/wide:predict", data=instances)

    answer = np.frombuffer(body[length:], np.float32).reshape(1000, 512)
    np.testing.assert_array_equal(answer, 3 * x + 1)
    np.testing.assert_array_equal(plain["outputs"][0]["data"], (3 * x + 1).ravel())
    np.testing.assert_array_equal(rows["predictions"], 3 * x + 1)


FAILURES = [
    ("POST", "/v1/models/affine:predict", b"{", 400, "body: expected JSON"),
    ("POST", "/v1/models/nobody:predict", b"{}", 404, "Model with requested name is not found"),
    ("POST", "/v1/models/affine/versions/9:predict", b"{}", 404, "requested version is not found"),
    ("POST", "/v1/models/affine/versions/x:predict", b"{}", 400, "version: expected a whole number"),
    ("POST", "/v1/models/affine/labels/stable:predict", b"{}", 400, "labels are not served"),
    ("POST", "/v1/models/fixed:predict", b'{"instances":[[1,2,3,4]]}', 400, "2 samples, got 1"),
    ("POST", "/v1/models/affine:classify", b"{}", 404, "POST /v1/models/affine:classify: Not Found"),
    ("GET", "/v2/models/nobody/ready", b"", 404, "Model with requested name is not found"),
    ("POST", "/v2/models/affine/infer", b'{"inputs":[]}', 400, "expected an input named 'x'"),
    ("POST", "/v2/repository/models/affine/unload", b"", 412, "change the configuration document"),
    ("DELETE", "/v2", b"", 405, "Method Not Allowed"),
    ("GET", "/nowhere", b"", 404, "Not Found"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), FAILURES)
async def test_every_failure_is_json_with_its_status(
    server: serving.Serving, method: str, path: str, body: bytes, status: int, message: str
) -> None:
    """Whatever goes wrong, the answer is an error in JSON that says what was expected."""
    came, answer = await ask(server, method, path, data=body)

    assert came == status
    assert message in answer["error"]


async def test_a_body_beyond_the_limit_is_refused_before_it_is_sent(server: serving.Serving) -> None:
    """A length that is too large is answered at once, with no byte of the body read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.server.http_port)
    writer.write(
        b"POST /v2/models/affine/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)
    writer.close()

    assert b" 413 " in answer


async def test_a_client_that_goes_away_leaves_the_server_serving(server: serving.Serving) -> None:
    """A request given up in the middle is counted, and the next one is answered."""
    with pytest.raises(TimeoutError):
        async with server.http.post(
            "/v1/models/affine:predict",
            json={"instances": [[1, 2, 3, 4]] * 5000},
            timeout=aiohttp.ClientTimeout(total=0.001),
        ):
            pass

    status, _ = await ask(
        server, "POST", "/v1/models/affine:predict", json={"instances": [[1, 2, 3, 4]]}
    )
    assert status == 200
