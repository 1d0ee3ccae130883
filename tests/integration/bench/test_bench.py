"""`batchwright bench` as a program: in its process, against real servers, and with its own."""

import csv
import itertools
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batchwright_bench.figures.outcomes import Result
from tests.support import certificates, digit_model, foreign, models, serving

PROGRAM = [sys.executable, "-m", "batchwright_operator", "bench"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    """A server of a model with two inputs and one with one, by any batch size."""
    affine = models.save(models.affine(), tmp_path / "affine")
    two = models.save(models.sum_and_difference(), tmp_path / "two")
    configs = [serving.model_config("affine", affine, batch_size="-1")]
    configs.append(serving.model_config("two", two, batch_size="-1"))
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


async def _bench(*flags: object) -> list[str]:
    text = await foreign.run(*PROGRAM, *map(str, flags))
    return [line.removeprefix("[ INFO ]").strip() for line in text.splitlines()]


def _says(lines: list[str], start: str) -> str:
    (found,) = (line for line in lines if line.startswith(start))
    return found.removeprefix(start).strip()


def _rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text().splitlines()))


@pytest.mark.parametrize("api", ["sync", "async"])
async def test_a_model_in_this_process(tmp_path: Path, api: str) -> None:
    """So many inferences are made, and told with benchmark_app's words."""
    folder = models.save(models.affine(), tmp_path / "affine")
    flags = ("-m", folder / "1" / "model.xml", "-niter", 50, "-api", api, "-b", 8, "-nireq", 2)
    lines = await _bench(*flags, "-nthreads", 1, "-nstreams", 1, "-pin", "NO")

    assert _says(lines, "Count:") == "50 iterations"
    assert _says(lines, "Execution Devices:") == "['CPU']"
    milliseconds = float(_says(lines, "Duration:").split()[0])
    speed = float(_says(lines, "Throughput:").split()[0])
    assert speed == pytest.approx(50 * 8 / milliseconds * 1000, rel=0.05)
    low, mean, high = (float(_says(lines, name).split()[0]) for name in ("Min:", "Average:", "Max:"))
    assert low <= mean <= high


async def test_shapes_in_turn(tmp_path: Path) -> None:
    """A model of any batch is measured by the shapes given, each with its own latencies."""
    folder = models.save(models.open_batch(), tmp_path / "open")
    flags = ("-m", folder / "1" / "model.xml", "-niter", 30, "-data_shape", "[1,4][16,4]")
    lines = await _bench(*flags, "--json", tmp_path / "result.json")

    result = Result.model_validate_json((tmp_path / "result.json").read_text())
    assert result.samples == 15 * 1 + 15 * 16
    assert set(result.latencies_by_batch_size) == {1, 16}
    assert "Latency for each batch size:" in lines


@pytest.mark.parametrize("kind", ["png", "npy"])
async def test_inputs_of_files(tmp_path: Path, kind: str) -> None:
    """Pictures and .npy files are taken as the model's input."""
    folder = models.save(digit_model.build(), tmp_path / "digits")
    Image.new("RGB", (9, 9), (1, 2, 3)).save(tmp_path / "input.png")
    np.save(tmp_path / "input.npy", np.zeros((3, *digit_model.PIXELS), np.float32))
    flags = ("-m", folder / "1" / "model.xml", "-niter", 10, "-b", 4)

    assert _says(await _bench(*flags, "-i", tmp_path / f"input.{kind}"), "Count:") == "10 iterations"


@pytest.mark.parametrize("protocol", ["tfs", "kserve"])
async def test_closed_loop(server: serving.Serving, tmp_path: Path, protocol: str) -> None:
    """So many requests are answered, by the server's own count too, with batch sizes in their turn."""
    where = ("--target", server.target, "--protocol", protocol, "--model_name", "two")
    load = ("-niter", 40, "--sizes", "1,4", "--concurrency", 3)
    lines = await _bench(
        *where, *load, "--json", tmp_path / "result.json", "--csv", tmp_path / "rows.csv"
    )

    assert _says(lines, "Count:") == "40 requests"
    result = Result.model_validate_json((tmp_path / "result.json").read_text())
    assert (result.requests, result.samples, result.failures) == (40, 100, {})
    rows = _rows(tmp_path / "rows.csv")
    assert len(rows) == 40
    signals = await server.model_signals("two")
    assert signals.counters.requests == {1: 21, 4: 21}  # with one of each size to warm up


async def test_open_loop_counts_from_when_a_request_was_due(
    server: serving.Serving, tmp_path: Path
) -> None:
    """With one request on its way at a time, a latency has the wait to be sent in it."""
    (tmp_path / "trace").write_text("\n".join(f"{number / 10000:.4f},2" for number in range(300)))
    where = ("--target", server.target, "--model_name", "affine", "--trace", tmp_path / "trace")
    await _bench(*where, "--outstanding", 1, "--csv", tmp_path / "rows.csv")

    rows = [
        {key: float(row[f"{key}_seconds"]) for key in ("intended", "sent", "done")}
        for row in _rows(tmp_path / "rows.csv")
    ]
    assert [row["intended"] for row in rows] == [number / 10000 for number in range(300)]
    assert all(one["sent"] >= before["done"] - 0.02 for before, one in itertools.pairwise(rows))
    assert rows[-1]["done"] - rows[-1]["intended"] > rows[-1]["done"] - rows[-1]["sent"]


async def test_a_rate_is_kept(server: serving.Serving) -> None:
    """In open loop as many requests are sent as the rate says."""
    where = ("--target", server.target, "--model_name", "affine")
    lines = await _bench(*where, "--rate", 100, "--arrivals", "constant", "-t", 2, "--warm-up", 0.5)

    assert int(_says(lines, "Count:").split()[0]) == pytest.approx(200, abs=2)


async def test_tls(tmp_path: Path) -> None:
    """A server with TLS that wants a client's certificate is measured with the files given."""
    authority = certificates.make_authority(tmp_path, "authority")
    here = certificates.issue(authority, tmp_path, "server")
    user = certificates.issue(authority, tmp_path, "user")
    folder = models.save(models.affine(), tmp_path / "affine")
    flags = ["--tls_cert_path", str(here.certificate), "--tls_key_path", str(here.key)]
    flags += ["--tls_client_ca_path", str(authority.certificate)]
    config = serving.document(serving.model_config("affine", folder, batch_size="-1"))
    async with serving.serve(tmp_path, config, *flags) as running:
        where = ("--target", f"localhost:{running.server.grpc_port}", "--model_name", "affine")
        files = ("--server-cert", authority.certificate, "--client-cert", user.certificate)
        lines = await _bench(*where, *files, "--client-key", user.key, "-niter", 5)

    assert _says(lines, "Count:") == "5 requests"


async def test_failures_are_counted_and_told(server: serving.Serving) -> None:
    """An unknown model is an error of one line before anything is measured."""
    with pytest.raises(AssertionError, match="NOT_FOUND"):
        await _bench("--target", server.target, "--model_name", "nobody", "-niter", 5)


async def test_two_results_are_compared(tmp_path: Path) -> None:
    """A model and one that does far more are told apart; the same result twice is not."""
    small = models.save(models.affine(), tmp_path / "small")
    large = models.save(models.deep(), tmp_path / "large")
    for name, folder in (("a", small), ("b", large)):
        await _bench(
            "-m", folder / "1" / "model.xml", "-niter", 200, "--json", tmp_path / f"{name}.json"
        )

    told = "\n".join(await _bench("--compare", tmp_path / "a.json", tmp_path / "b.json"))
    same = "\n".join(await _bench("--compare", tmp_path / "a.json", tmp_path / "a.json"))
    assert "worse" in told
    assert "better" not in told
    assert same.count("no difference shown") == 4


@pytest.mark.slow
async def test_strategies_are_compared(tmp_path: Path) -> None:
    """Each strategy is served and measured; the page and the block to paste say which one to take."""
    folder = models.save(models.deep(20), tmp_path / "deep")
    flags = ("-m", folder, "--compare-strategies", "--sizes", "uniform:1:6", "-t", 2, "--warm-up", 0)
    lines = await _bench(*flags, "--html", tmp_path / "page.html", "--json", tmp_path / "all.json")

    results = json.loads((tmp_path / "all.json").read_text())
    assert set(results) == {"reload", "demultiplex", "dynamic", "buckets"}
    assert all(found["requests"] > 0 and not found["failures"] for found in results.values())
    assert len([line for line in lines if "recommended" in line]) == 1
    chosen = _says(lines, "strategy:")
    assert f"strategy: {chosen}" in (tmp_path / "page.html").read_text()


@pytest.mark.slow
async def test_a_strategy_that_cannot_serve_is_told(tmp_path: Path) -> None:
    """A model whose samples depend on each other is measured by what remains, with the reason."""
    folder = models.save(models.softmax_over_batch(), tmp_path / "mixing")
    flags = ("-m", folder, "--compare-strategies", "--sizes", "1,2", "-niter", 40)
    lines = await _bench(*flags, "--html", tmp_path / "page.html", "--json", tmp_path / "all.json")

    assert set(json.loads((tmp_path / "all.json").read_text())) == {"reload", "dynamic"}
    assert "Not served" in (tmp_path / "page.html").read_text()
    assert "recommended" in "\n".join(lines)
