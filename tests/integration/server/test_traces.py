"""What a traced server tells a collector."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import grpc
import numpy as np
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from batchwright_server.telemetry import opentelemetry_tracing
from tests.support import collector, models, serving, tfs
from tests.support.polling import eventually

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


async def ask_over_grpc(port: int) -> None:
    request = tfs.predict_request("m", x=np.ones((3, 4), np.float32))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = tfs.TfsClient(channel).prediction
        await stub.Predict(request, metadata=(("traceparent", TRACEPARENT),), timeout=30)


async def ask_over_http(port: int) -> None:
    body = {"instances": np.ones((3, 4)).tolist()}
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"http://127.0.0.1:{port}/v1/models/m:predict",
            json=body,
            headers={"traceparent": TRACEPARENT},
        ) as response,
    ):
        assert response.status == 200


def tree(spans: list[Span]) -> dict[str, str]:
    """Each span of the client's trace by name, with the name of its parent."""
    mine = [span for span in spans if span.trace_id.hex() == TRACE]
    names = {span.span_id.hex(): span.name for span in mine} | {PARENT: "client"}
    return {span.name: names[span.parent_span_id.hex()] for span in mine}


@contextmanager
def process(tmp_path: Path, endpoint: str, *flags: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "batchwright_server", *flags, "--tracing_endpoint", endpoint]
    command += ["--grpc_bind_address", "127.0.0.1", "--rest_bind_address", "127.0.0.1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            yield server
        finally:
            server.kill()


async def trace(tmp_path: Path, strategy: str, protocol: str) -> dict[str, str]:
    """The spans of one request to a server process with this strategy."""
    folder = models.save(models.affine(), tmp_path / "m")
    config = tmp_path / "config.json"
    entry = serving.model_config("m", folder, batching={"strategy": strategy})
    serving.write_config(config, serving.document(entry))
    port, rest_port = serving.free_port(), serving.free_port()
    flags = ["--config_path", str(config), "--port", str(port), "--rest_port", str(rest_port)]
    with (
        collector.collect() as running,
        process(tmp_path, running.url, *flags, "--log_format", "json") as server,
    ):
        await eventually(lambda: is_ready(rest_port))
        await (ask_over_grpc(port) if protocol == "grpc" else ask_over_http(rest_port))
        server.send_signal(signal.SIGTERM)
        _, told = server.communicate(timeout=20)
    assert server.returncode == 0
    assert all(re.fullmatch(r"\{.*\}", line) for line in told.splitlines())
    return tree(running.spans)


async def is_ready(port: int) -> bool:
    url = f"http://127.0.0.1:{port}/v2/health/ready"
    try:
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@pytest.mark.parametrize(
    ("protocol", "name"),
    [
        ("grpc", "/tensorflow.serving.PredictionService/Predict"),
        ("http", "POST /v1/models/{model}:predict"),
    ],
)
async def test_a_reload_is_seen_in_the_clients_trace(tmp_path: Path, protocol: str, name: str) -> None:
    """The request under the client's span; under it its wait, the reload, and the inference."""
    assert await trace(tmp_path, "reload", protocol) == {
        name: "client",
        "queue": name,
        "reload": name,
        "infer": name,
    }


async def test_shards_are_seen(tmp_path: Path) -> None:
    """A split batch is a span of its own, its inferences in it; nothing waited, nothing reloaded."""
    name = "/tensorflow.serving.PredictionService/Predict"

    assert await trace(tmp_path, "demultiplex", "grpc") == {
        name: "client",
        "shards": name,
        "infer": "shards",
    }


async def test_a_traced_request_runs_whether_or_not_anybody_collects(tmp_path: Path) -> None:
    """Without a collector the server serves, says so in the log, and ends in a few seconds."""
    folder = models.save(models.affine(), tmp_path / "m")
    port, rest_port = serving.free_port(), serving.free_port()
    flags = ["--model_name", "m", "--model_path", str(folder), "--batch_size", "auto"]
    flags += ["--port", str(port), "--rest_port", str(rest_port)]
    with process(tmp_path, f"http://127.0.0.1:{serving.free_port()}", *flags) as server:
        await eventually(lambda: is_ready(rest_port))
        await ask_over_grpc(port)
        server.send_signal(signal.SIGTERM)
        _, told = server.communicate(timeout=20)

    assert server.returncode == 0
    assert "Failed to export" in told or "spans are lost" in told


PIPELINE = {
    "name": "dag",
    "inputs": ["x"],
    "demultiply_count": -1,
    "nodes": [
        {
            "name": "node",
            "model_name": "m",
            "type": "DL model",
            "inputs": [{"x": {"node_name": "request", "data_item": "x"}}],
            "outputs": [{"data_item": "y", "alias": "y"}],
        }
    ],
    "outputs": [{"y": {"node_name": "node", "data_item": "y"}}],
}


async def test_every_run_of_a_pipeline_is_in_its_requests_trace(tmp_path: Path) -> None:
    """Three shards, three inferences, all under the one request, which counts as the pipeline's."""
    folder = models.save(models.affine(), tmp_path / "m")
    batching = {"strategy": "fixed", "fixed": {"batch_size": 1}}
    config = serving.document(serving.model_config("m", folder, batching=batching))
    spans = InMemorySpanExporter()
    traces = opentelemetry_tracing.trace_to(SimpleSpanProcessor(spans))
    served = config | {"pipeline_config_list": [PIPELINE]}
    async with serving.serve(tmp_path, served, traces=traces) as server:
        await server.client.predict("dag", x=np.ones((3, 1, 4), np.float32))

    found = spans.get_finished_spans()
    (request,) = (span for span in found if span.name.endswith("/Predict"))
    assert [span.name for span in found if span.parent == request.context] == ["infer"] * 3
    assert request.attributes is not None
    assert (request.attributes["batchwright.model"], request.attributes["batchwright.code"]) == (
        "dag",
        "OK",
    )
