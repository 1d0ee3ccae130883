"""`batchwright up` as users run it: a real server, healed, edited on the fly and stopped."""

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import models
from tests.support.modelservers import model_document, server_document
from tests.support.polling import eventually


class Running:
    """A running `batchwright up`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.manifest = folder / "vision.yaml"
        self.home = folder / "state" / "vision"
        self.process: Process | None = None

    def write(self, **batching: Any) -> None:
        """The manifest, with that batching."""
        document = server_document(model_document("m", batching=batching))
        self.manifest.write_text(yaml.safe_dump(document))

    async def start(self) -> None:
        """Start the program."""
        volume, state = f"models={self.folder / 'models'}", str(self.folder / "state")
        where = ["--volume", volume, "--port", str(self.port), "--state-dir", state]
        command = [sys.executable, "-m", "batchwright_operator", "up", str(self.manifest), *where]
        self.process = await self._start(command)

    async def _start(self, command: list[str]) -> Process:
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            return await asyncio.create_subprocess_exec(*command, stdout=out, stderr=err)

    async def stop(self) -> int:
        """Stop it as Ctrl-C does; gives the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            return await self.process.wait()

    def status(self) -> dict[str, Any]:
        """The status as it is now; empty before the first."""
        try:
            return dict(json.loads((self.home / "status.json").read_text())["status"])
        except FileNotFoundError:
            return {}

    def is_settled(self, strategy: str) -> bool:
        """Whether all conditions hold and the model is on that strategy."""
        status = self.status()
        holds = [item["status"] == "True" for item in status.get("conditions", [])]
        return bool(holds) and all(holds) and status["models"][0]["strategy"] == strategy

    def pids(self) -> list[int]:
        """The numbers of the pods' processes."""
        return [int(file.read_text()) for file in self.home.glob("pods/*.pid")]

    async def until(self, check: Callable[[], bool]) -> None:
        """Return once the check passes."""

        async def passes() -> bool:
            return check()

        await eventually(passes, seconds=60, interval=0.1)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """A program that serves one small model, stopped in the end."""
    models.save(models.affine(), tmp_path / "models" / "m")
    running = Running(tmp_path, _free_ports())
    running.write(strategy="Reload")
    await running.start()
    yield running
    await running.stop()


def _free_ports() -> int:
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


async def test_a_life(running: Running) -> None:
    """It becomes ready, heals, takes an edit, refuses a bad one, and ends with nothing left."""
    await running.until(lambda: running.is_settled("reload"))
    (pid,) = running.pids()

    os.kill(pid, signal.SIGKILL)
    await running.until(lambda: "PodRestarted" in (running.home / "events.jsonl").read_text())
    await running.until(lambda: running.is_settled("reload"))
    (healed,) = running.pids()

    running.manifest.write_text("kind: ModelServer\n")
    await running.until(lambda: "nothing changes" in (running.folder / "err").read_text())
    running.write(strategy="Demultiplex")
    await running.until(lambda: running.is_settled("demultiplex"))
    assert running.pids() == [healed]

    assert await running.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(healed, 0)
