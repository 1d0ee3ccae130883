"""Buckets whose sizes are left open, served by a real server: compiled for what is asked, and kept."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import models, server_process
from tests.support.managed_server import MOST_ROWS, asking
from tests.support.modelservers import model_document, server_document
from tests.support.up_program import UpProgram, free_ports

ASKED = range(1, MOST_ROWS + 1)
ENTRIES = 2  # compiled sizes at a time, so that reload never has them all


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[UpProgram]:
    """A program that may choose buckets for its model; stopped in the end."""
    models.save(models.affine(), tmp_path / "models" / "m")
    program = UpProgram(tmp_path, free_ports(4))
    judging = {"candidates": ["Reload", "Buckets"], "windowSeconds": 4, "cooldownSeconds": 30}
    batching = {"adaptive": judging, "reload": {"compiledCache": {"maxEntries": ENTRIES}}}
    program.write(server_document(model_document("m", batching=batching)))
    yield program
    await program.stop()


def told_sizes(program: UpProgram) -> list[int]:
    """The sizes that the status tells, once pods serve them."""
    return list(program.status()["models"][0]["bucketSizes"])


async def compiled_sizes(program: UpProgram) -> list[int]:
    """The sizes that the server itself tells."""
    (model,) = (await server_process.read_signals(program.port + 1)).models
    return list(model.bucket_sizes)


async def test_the_sizes_asked_for_are_compiled_and_stay(program: UpProgram) -> None:
    """No request fails over the switch; a server that was killed comes back with the same sizes."""
    await program.start()
    await program.until(program.is_settled)
    async with asking(program, clients=3):
        await program.until(lambda: program.is_settled("buckets"), seconds=90)
    chosen = told_sizes(program)
    assert set(chosen) <= set(ASKED)
    assert max(chosen) == max(ASKED)
    assert await compiled_sizes(program) == chosen

    (pid,) = program.pids()
    os.kill(pid, signal.SIGKILL)
    await program.until(lambda: "PodRestarted" in program.events())
    await program.until(lambda: program.is_settled("buckets"))

    assert told_sizes(program) == await compiled_sizes(program) == chosen
