"""A real server, asked by clients nobody here wrote."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import foreign, models, serving

pytestmark = [pytest.mark.foreign, pytest.mark.timeout(600)]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.affine(), tmp_path / "affine")
    two = models.save(models.sum_and_difference(), tmp_path / "two")
    configs = [
        serving.model_config("affine", folder, batching={"strategy": "reload"}),
        serving.model_config("two", two, batch_size="auto"),
    ]
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


def affine(rows: int) -> list[list[float]]:
    answer: list[list[float]] = (3 * np.arange(rows * 4).reshape(rows, 4) + 1.0).tolist()
    return answer


def target(server: serving.Serving, protocol: str) -> str:
    return server.target if protocol == "grpc" else f"127.0.0.1:{server.server.http_port}"


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_tritonclient(server: serving.Serving, protocol: str) -> None:
    """NVIDIA's client reads health, metadata, configuration, index, statistics, and gets its answers."""
    report = await foreign.require(foreign.TRITON).ask("triton.py", protocol, target(server, protocol))

    assert (report["live"], report["ready"], report["model_ready"]) == (True, True, True)
    assert report["server"]["name"] == "Batchwright"
    assert [int(size) for size in report["metadata"]["inputs"][0]["shape"]] == [-1, 4]
    assert (report["config"]["max_batch_size"], report["config"]["input"][0]["data_type"]) == (
        10_000,
        "TYPE_FP32",
    )
    assert [answer["y"] for answer in report["answers"]] == [affine(rows) for rows in (1, 5, 5, 3)]
    assert [answer["id"] for answer in report["answers"]] == ["r1", "r5", "r5", "r3"]
    assert report["filtered"] == {"all": [[[2.0] * 2] * 2, [[0.0] * 2] * 2], "some": [False, True]}
    _check_statistics(report)
    _check_failures(report["errors"], protocol)
    labels = {"model": "affine", "protocol": "kserve_grpc" if protocol == "grpc" else "kserve_rest"}
    assert await server.metric("batchwright_requests_total", **labels, code="OK") == 4


def _check_statistics(report: dict[str, Any]) -> None:
    index = report["index"]["models"] if "models" in report["index"] else report["index"]
    assert [(item["name"], item["state"]) for item in index] == [("affine", "READY"), ("two", "READY")]
    (statistics,) = report["statistics"]["model_stats"]
    assert (int(statistics["inference_count"]), int(statistics["execution_count"])) == (14, 4)
    success = statistics["inference_stats"]["success"]
    compute = statistics["inference_stats"]["compute_infer"]
    assert int(success["count"]) == 4
    assert int(success["ns"]) > int(compute["ns"]) > 0


def _check_failures(failures: list[str], protocol: str) -> None:
    codes = {
        "grpc": ["FAILED_PRECONDITION", "NOT_FOUND", "INVALID_ARGUMENT"],
        "http": ["412", "404", "400"],
    }[protocol]
    texts = ["change the configuration", "is not found", "expected 1 to 10000 samples, got 0"]
    for failure, code, text in zip(failures, codes, texts, strict=True):
        assert code in failure
        assert text in failure


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_ovmsclient(server: serving.Serving, protocol: str) -> None:
    """OpenVINO Model Server's own client gets its answers, and its own kinds of errors."""
    report = await foreign.require(foreign.OVMS).ask("ovms.py", protocol, target(server, protocol))

    assert report["answers"] == [affine(1), affine(5)]
    assert report["metadata"]["inputs"] == {"x": {"shape": [-1, 4], "dtype": "DT_FLOAT"}}
    assert report["metadata"]["model_version"] == 1
    assert report["status"] == {"1": {"state": "AVAILABLE", "error_code": 0, "error_message": "OK"}}
    assert report["unknown"].startswith("ModelNotFoundError")


async def test_tensorflow_serving_api(server: serving.Serving, tmp_path: Path) -> None:
    """TensorFlow's client predicts, reads metadata and status, and its reload request really applies."""
    environment = foreign.require(foreign.TENSORFLOW)
    report = await environment.ask("tfs.py", server.target, str(tmp_path / "affine"))

    assert report["answers"] == [affine(rows) for rows in (1, 5, 3)]
    assert report["metadata"] == {"dtype": 1, "shape": [-1, 4]}
    available = {"version": "1", "state": "AVAILABLE", "status": {"error_message": "OK"}}
    assert report["status"] == {"model_version_status": [available]}
    assert report["unknown"].startswith("NOT_FOUND")
    assert report["refused"].startswith("INVALID_ARGUMENT: model_config_list[1].config: model 'broken'")
    assert report["still"] == affine(2)
    assert report["reload"] == 0
    assert report["taken"] == [affine(4), {"model_version_status": [available]}]
    assert report["gone"].startswith("NOT_FOUND")


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_perf_analyzer(server: serving.Serving, protocol: str) -> None:
    """NVIDIA's load generator measures batches of four, and reports the server's own figures too."""
    environment = foreign.require(foreign.TRITON)
    flags = "-m affine -b 4 --measurement-mode count_windows --measurement-request-count 50 -s 999 -r 3"

    report = await foreign.run(
        str(environment.folder / "bin" / "perf_analyzer"),
        *flags.split(),
        *("-i", protocol, "-u", target(server, protocol)),
        environment=foreign.require_b64(),
    )

    figures = {
        key.strip(): value.split()[0]
        for key, colon, value in (line.partition(":") for line in report.splitlines())
        if colon and value.strip()
    }
    requests = int(figures["Successful request count"])
    assert requests >= 50
    assert int(figures["Execution count"]) == requests
    assert int(figures["Inference count"]) == 4 * requests
    assert int(figures["Avg request latency"]) > 0


@pytest.fixture
async def strings_server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.echo(), tmp_path / "echo")
    batching = {"strategy": "buckets", "buckets": {"sizes": [2]}}
    config = serving.document(serving.model_config("echo", folder, batching=batching))
    async with serving.serve(tmp_path, config) as running:
        yield running


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_strings_of_tritonclient(strings_server: serving.Serving, protocol: str) -> None:
    """NVIDIA's client gets its strings back byte for byte, raw and, what is text, as JSON."""
    environment = foreign.require(foreign.TRITON)
    report = await environment.ask("triton_strings.py", protocol, target(strings_server, protocol))

    assert report["datatypes"] == ["BYTES", "BYTES"]
    assert report["data_type"] == "TYPE_STRING"
    assert report["raw"] == [report["sent"][:rows] for rows in (1, 3, 2)]
    sent, answered = report.get("json", (None, None))
    assert answered == sent


async def test_strings_of_tensorflow(strings_server: serving.Serving) -> None:
    """TensorFlow's client gets its strings back byte for byte."""
    environment = foreign.require(foreign.TENSORFLOW)
    report = await environment.ask("tfs_strings.py", strings_server.target)

    assert report["answers"] == [report["sent"][:rows] for rows in (1, 3, 2)]
