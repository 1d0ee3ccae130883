"""Pipelines under `batchwright up`: real servers, with Pipelines that come, change, break and go."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from tests.support import models, tfs
from tests.support.pipelines import broken_pipeline_document, pipeline_document
from tests.support.up_program import UpProgram, free_ports, one_model


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[UpProgram]:
    """A program whose object serves one small model, not yet started; stopped in the end."""
    models.save(models.affine(), tmp_path / "models" / "m")
    program = UpProgram(tmp_path, free_ports(2))
    yield program
    await program.stop()


def conditions(program: UpProgram, name: str, server: str = "vision") -> dict[str, Any]:
    """A Pipeline's conditions as (status, reason); empty if it has no status."""
    try:
        text = (program.state / server / "pipelines" / f"{name}.json").read_text()
    except FileNotFoundError:
        return {}
    found = json.loads(text)["status"]["conditions"]
    return {item["type"]: (item["status"], item["reason"]) for item in found}


def serves(program: UpProgram, name: str) -> bool:
    wanted = {"Accepted": ("True", "Accepted"), "Ready": ("True", "Serving")}
    return conditions(program, name) == wanted


async def answer_of(program: UpProgram, name: str) -> str:
    """`right`, or the status code, for a request of three shards."""
    x = np.arange(12, dtype=np.float32).reshape(3, 1, 4)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{program.port}") as channel:
        try:
            answer = await tfs.TfsClient(channel).predict(name, x=x)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    np.testing.assert_array_equal(answer["y"], 3 * x + 1)
    return "right"


def is_refused(program: UpProgram, name: str) -> bool:
    return conditions(program, name).get("Accepted") == ("False", "Refused")


def holds(program: UpProgram) -> bool:
    return program.is_settled("fixed") or program.is_settled("demultiplex")


async def test_pipelines_come_change_and_go(program: UpProgram) -> None:
    """In place: added, edited and removed while the same process serves."""
    program.write(pipeline_document(), one_model(strategy="Fixed"))  # before the object it needs
    await program.start()
    await program.until(lambda: serves(program, "twice") and holds(program))
    before = program.pids()

    program.write(one_model(strategy="Fixed"), pipeline_document(), pipeline_document("other"))
    await program.until(lambda: serves(program, "other") and serves(program, "twice"))
    program.write(one_model(strategy="Fixed"), pipeline_document(name="Twice"))
    await program.until(lambda: program.said("Clients get it by the name 'Twice'."))
    await program.until(lambda: conditions(program, "other") == {})
    await program.until(lambda: serves(program, "twice") and holds(program))

    assert await answer_of(program, "Twice") == "right"
    assert await answer_of(program, "twice") == "NOT_FOUND"
    assert program.pids() == before
    assert await program.stop() == 0
    assert conditions(program, "twice")["Ready"] == ("False", "Stopped")


async def test_a_broken_pipeline_keeps_nothing_out(program: UpProgram) -> None:
    """It is left out and says why; edits beside it arrive, and once mended it serves."""
    program.write(one_model(strategy="Fixed"), pipeline_document())
    await program.start()
    await program.until(lambda: serves(program, "twice"))

    program.write(one_model(strategy="Demultiplex"), broken_pipeline_document(), pipeline_document("z"))
    await program.until(lambda: is_refused(program, "broken") and serves(program, "z"))
    await program.until(lambda: program.is_settled("demultiplex"))
    assert await answer_of(program, "z") == "right"
    assert await answer_of(program, "broken") == "NOT_FOUND"
    assert program.said("Pipeline broken: pipeline 'broken', node 'response', item 'y': takes its value")

    program.write(one_model(strategy="Demultiplex"), pipeline_document("broken"))
    await program.until(lambda: serves(program, "broken"))


async def test_a_pipeline_that_is_broken_from_the_start(program: UpProgram) -> None:
    """The server starts without it, and the next edit is not held up by it."""
    program.write(one_model(strategy="Fixed"), broken_pipeline_document())
    await program.start()
    await program.until(lambda: is_refused(program, "broken") and program.is_settled("fixed"))

    program.write(one_model(strategy="Demultiplex"), broken_pipeline_document())
    await program.until(lambda: program.is_settled("demultiplex"))
    await program.until(lambda: is_refused(program, "broken"))


async def test_a_pipeline_serves_once_its_model_is_there(program: UpProgram) -> None:
    """Refused for a model that is missing, it is tried again by itself when the models change."""
    lacking = pipeline_document("lacking")
    lacking["spec"]["nodes"][0]["version"] = 2
    program.write(one_model(strategy="Fixed", name="vision"), lacking)
    await program.start()
    await program.until(lambda: is_refused(program, "lacking") and program.is_settled("fixed"))

    models.save(models.affine(), program.folder / "models" / "m", version=2)
    await program.until(lambda: serves(program, "lacking"))


async def test_a_pipeline_without_its_server_is_told(program: UpProgram) -> None:
    """It has a status that says so, until its ModelServer is there."""
    program.write(one_model(strategy="Fixed"), pipeline_document("lost", server="other"))
    await program.start()
    await program.until(lambda: program.is_settled("fixed"))

    missing = ("False", "ModelServerNotFound")
    await program.until(
        lambda: conditions(program, "lost", "other") == {"Accepted": missing, "Ready": missing}
    )
    program.write(one_model(strategy="Fixed"), pipeline_document("lost"))
    await program.until(lambda: serves(program, "lost"))
    assert conditions(program, "lost", "other") == {}
