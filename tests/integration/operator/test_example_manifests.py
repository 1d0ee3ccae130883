"""The manifests that are shown to users, run by `batchwright up` with small models for theirs."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import openvino as ov
import pytest
import yaml
from openvino import opset13 as ops

from tests.support import digit_model, models, tfs
from tests.support.sources import s3server
from tests.support.up_program import UpProgram, free_ports

EXAMPLES = Path(__file__).parents[3] / "example_client" / "manifests"
ONE_MODEL = ["adaptive", "auto", "autoscaling", "demo", "observe"]
OTHERS = ["pipeline", "s3", "tls", "two-stage-pipeline"]  # each with a test of its own below
DIGITS = (7, 0, 4)


def _detector() -> ov.Model:
    """`crops` [3, 1, 3, 4, 4] of an `image` [1, 3, 4, 4]: the image as it is, one and two more."""
    image = ops.parameter([1, *digit_model.PIXELS], np.float32, name="image")
    image.output(0).set_names({"image"})
    more = ops.constant(np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1, 1))
    crops = ops.add(image, more)
    crops.output(0).set_names({"crops"})
    return ov.Model([ops.result(crops)], [image], "detector")


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[UpProgram]:
    """A program not yet started, with the models that the manifests name; stopped in the end."""
    for name in ("resnet50", "resnet50-int8"):
        models.save(digit_model.build(), tmp_path / "models" / name)
    models.save(_detector(), tmp_path / "models" / "detector")
    program = UpProgram(tmp_path, free_ports(2))
    yield program
    await program.stop()


def _images(*digits: int) -> Any:
    pixels = np.zeros((len(digits), *digit_model.PIXELS), np.float32)
    pixels[:, 0, 0, 0] = digits
    return pixels


async def _run(program: UpProgram, text: str) -> None:
    """Start it with the manifest `text` and wait until its ModelServer is ready."""
    program.manifest.write_text(text)
    (name,) = (one["metadata"]["name"] for one in yaml.safe_load_all(text) if _is_server(one))
    await program.start()
    await program.until(lambda: program.condition("Ready", name).get("status") == "True", seconds=100)


def _is_server(document: dict[str, Any]) -> bool:
    return bool(document["kind"] == "ModelServer")


async def _ask(program: UpProgram, model: str, name: str, images: Any) -> Any:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{program.port}") as channel:
        (answer,) = (await tfs.TfsClient(channel).predict(model, **{name: images})).values()
    return answer


def test_every_manifest_is_run() -> None:
    """None is shown that nobody here has tried."""
    assert {file.stem for file in EXAMPLES.iterdir()} == {*ONE_MODEL, *OTHERS}


@pytest.mark.parametrize("name", ONE_MODEL)
async def test_one_model(program: UpProgram, name: str) -> None:
    """A model of any strategy, observed or scaled, answers a batch with the classes of its images."""
    await _run(program, (EXAMPLES / f"{name}.yaml").read_text())

    answer = await _ask(program, "resnet", "0", _images(*DIGITS))
    assert tuple(np.argmax(answer, axis=1)) == DIGITS


async def test_a_pipeline_that_splits_a_batch(program: UpProgram) -> None:
    """Images with a dimension more are split, classified one by one, and gathered in order."""
    await _run(program, (EXAMPLES / "pipeline.yaml").read_text())

    answer = await _ask(program, "resnet50DAG", "0", _images(*DIGITS)[:, None])
    assert tuple(np.argmax(answer[:, 0], axis=1)) == DIGITS


async def test_two_stages(program: UpProgram) -> None:
    """What the first model finds is split, and the second's classes come in its order."""
    await _run(program, (EXAMPLES / "two-stage-pipeline.yaml").read_text())

    answer = await _ask(program, "detect-and-classify", "image", _images(5))
    assert tuple(np.argmax(answer.reshape(3, -1), axis=1)) == (5, 6, 7)


@pytest.mark.foreign
@pytest.mark.timeout(400)
async def test_a_model_from_s3(program: UpProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the endpoint of a store here and its keys in the environment, the model serves."""
    (document,) = yaml.safe_load_all((EXAMPLES / "s3.yaml").read_text())
    access = document["spec"]["models"][0]["source"]["access"]
    async with s3server.serve() as bucket:
        await bucket.put_folder(program.folder / "models" / "resnet50", "resnet50")
        access |= {"endpoint": bucket.endpoint, "region": "us-east-1"}
        for key, value in bucket.environ.items():
            monkeypatch.setenv(key, value)
        await _run(program, yaml.safe_dump(document))

        answer = await _ask(program, "resnet", "0", _images(*DIGITS))
        assert "resnet50/1/model.xml" in bucket.read_paths
    assert tuple(np.argmax(answer, axis=1)) == DIGITS


def test_what_only_a_cluster_has_is_refused(tmp_path: Path) -> None:
    """Without a cluster there are no Secrets: the manifest for TLS is refused by what it lacks."""
    command = [sys.executable, "-m", "batchwright_operator", "up", str(EXAMPLES / "tls.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)

    assert done.returncode == 2
    assert "tls is in the Secret vision-certificate, which only a cluster has" in done.stderr
