"""`batchwright up` as a program of its own, watched from outside as a user watches it."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.modelservers import model_document, server_document
from tests.support.polling import eventually


class UpProgram:
    """A running `batchwright up` in a folder of its own; its objects serve the model in `models/m`."""

    def __init__(self, folder: Path, port: int, *, more: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = port
        self.manifest = folder / "objects.yaml"
        self.state = folder / "state"
        self.process: Process | None = None
        self._more = more

    def write(self, *objects: Mapping[str, Any]) -> None:
        """The manifest: these objects."""
        self.manifest.write_text(yaml.safe_dump_all(objects))

    async def start(self) -> None:
        """Start the program."""
        volume, state = f"models={self.folder / 'models'}", str(self.state)
        where = ["--volume", volume, "--port", str(self.port), "--state-dir", state, *self._more]
        command = [sys.executable, "-m", "batchwright_operator", "up", str(self.manifest), *where]
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            self.process = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=err)

    async def stop(self, *, seconds: float = 20) -> int:
        """Stop it as Ctrl-C does; gives the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.returncode is None

    def said(self, text: str) -> bool:
        """Whether it has told `text`."""
        return any(text in (self.folder / name).read_text() for name in ("out", "err"))

    def events(self, name: str = "vision") -> str:
        """An object's events as they stand in the file."""
        return (self.state / name / "events.jsonl").read_text()

    def status(self, name: str = "vision") -> dict[str, Any]:
        """An object's status as it is now; empty before the first."""
        try:
            return dict(json.loads((self.state / name / "status.json").read_text())["status"])
        except FileNotFoundError:
            return {}

    def condition(self, kind: str, name: str = "vision") -> dict[str, Any]:
        """One condition of an object; empty if there is none yet."""
        found = self.status(name).get("conditions", [])
        return next((dict(item) for item in found if item["type"] == kind), {})

    def is_settled(self, strategy: str = "reload", name: str = "vision") -> bool:
        """Whether all conditions hold and the model is on that strategy."""
        status = self.status(name)
        holds = [item["status"] == "True" for item in status.get("conditions", [])]
        return bool(holds) and all(holds) and status["models"][0]["strategy"] == strategy

    def pids(self, name: str = "vision") -> list[int]:
        """The numbers of an object's processes."""
        return [int(file.read_text()) for file in (self.state / name).glob("pods/*.pid")]

    async def until(self, check: Callable[[], bool], *, seconds: float = 60) -> None:
        """Return once the check passes; fail if the program ends before."""

        async def passes() -> bool:
            assert self.is_running, (self.folder / "err").read_text()
            return check()

        await eventually(passes, seconds=seconds, interval=0.1)


def one_model(name: str = "vision", *, strategy: str = "Reload", **spec: Any) -> dict[str, Any]:
    """An object with the model `m` on that strategy."""
    return server_document(model_document("m", batching={"strategy": strategy}), name=name, **spec)


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = int(probe.getsockname()[1])
        if first + count <= 65535 and all(_is_free(first + i) for i in range(count)):
            return first


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
