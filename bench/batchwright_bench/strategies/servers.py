"""A server of its own for each strategy, on loopback, ended when it was measured."""

import asyncio
import json
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from batchwright_server.config.signals import ModelSignals, Signals

HOST = "127.0.0.1"
MODEL = "model"
_READY_SECONDS = 300.0
_END_SECONDS = 30.0
_POLL_SECONDS = 0.1


class NotServed(Exception):
    """The strategy cannot serve the model; the message is the server's reason."""


@dataclass(frozen=True)
class OwnServer:
    """Where it listens."""

    grpc_port: int
    http_port: int

    @property
    def target(self) -> str:
        """Its gRPC address."""
        return f"{HOST}:{self.grpc_port}"

    async def read_signals(self) -> Signals:
        """What it counts. Raises aiohttp's ClientError."""
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://{HOST}:{self.http_port}/v1/signals") as response,
        ):
            return Signals.model_validate_json(await response.read())


@asynccontextmanager
async def serve(
    model: Path, batching: dict[str, Any], plugin: dict[str, Any]
) -> AsyncIterator[OwnServer]:
    """A server of the model at an absolute path with this `batching`. Raises NotServed."""
    with tempfile.TemporaryDirectory(prefix="batchwright-bench-") as folder:
        config, log = Path(folder) / "config.json", Path(folder) / "log"
        entry = {"name": MODEL, "base_path": str(model), "plugin_config": plugin}
        measured = {"calibration": {"enabled": False}, **batching}
        document = {"model_config_list": [{"config": {**entry, "batching": measured}}]}
        config.write_text(json.dumps(document))
        own = OwnServer(_free_port(), _free_port())
        process = await _start(own, config, log)
        try:
            await _until_served(own, process, log)
            yield own
        finally:
            await _end(process)


async def _start(own: OwnServer, config: Path, log: Path) -> asyncio.subprocess.Process:
    flags = {
        "config_path": config,
        "port": own.grpc_port,
        "rest_port": own.http_port,
        "grpc_bind_address": HOST,
        "rest_bind_address": HOST,
        "file_system_poll_wait_seconds": 0,
    }
    command = [
        sys.executable,
        "-m",
        "batchwright_server",
        *(f"--{key}={value}" for key, value in flags.items()),
    ]
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)


async def _until_served(own: OwnServer, process: asyncio.subprocess.Process, log: Path) -> None:
    """Returns when the model answers. Raises NotServed if it never will."""
    async with asyncio.timeout(_READY_SECONDS):
        while process.returncode is None:
            try:
                (found,) = (await own.read_signals()).models or (None,)
            except (aiohttp.ClientError, OSError):
                found = None
            if found is not None and _is_available(found):
                return
            await asyncio.sleep(_POLL_SECONDS)
    last_words = log.read_text(errors="replace")[-500:]  # noqa: ASYNC240 (of a small file)
    raise NotServed(f"the server ended: {last_words}")


def _is_available(found: ModelSignals) -> bool:
    if found.error or found.fallback:
        raise NotServed(found.error or found.fallback)
    return found.state == "AVAILABLE"


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
