"""Buckets whose sizes are left open, served by a real server: compiled for what is asked, and kept."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from tests.support import models, server_process
from tests.support.modelservers import model_document, server_document
from tests.support.tfs import TfsClient
from tests.support.up_program import UpProgram, free_ports

ASKED = (3, 5, 7)
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


class Clients:
    """One client for each size, which asks again as soon as it is answered."""

    def __init__(self, port: int) -> None:
        self.answered = 0
        self._port = port
        self._ended = asyncio.Event()
        self._tasks = [asyncio.create_task(self._ask(size)) for size in ASKED]

    async def _ask(self, size: int) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            client, rows = TfsClient(channel), np.ones((size, 4), np.float32)
            while not self._ended.is_set():
                answer = await client.predict("m", x=rows)
                np.testing.assert_array_equal(answer["y"], np.full((size, 4), 4))
                self.answered += 1

    async def end(self) -> None:
        """Let all requests be answered. Raises what any of them failed by."""
        self._ended.set()
        await asyncio.gather(*self._tasks)


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
    clients = Clients(program.port)
    try:
        await program.until(lambda: program.is_settled("buckets"), seconds=90)
    finally:
        await clients.end()
    chosen = told_sizes(program)
    assert set(chosen) <= set(ASKED)
    assert max(chosen) == max(ASKED)
    assert await compiled_sizes(program) == chosen
    assert clients.answered > len(ASKED)

    (pid,) = program.pids()
    os.kill(pid, signal.SIGKILL)
    await program.until(lambda: "PodRestarted" in program.events())
    await program.until(lambda: program.is_settled("buckets"))

    assert told_sizes(program) == await compiled_sizes(program) == chosen
