"""A server process with an admin port, and clients that notice every failed prediction."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import grpc
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from batchwright_operator.pods.client import HttpPodClient, Target
from batchwright_server.config.signals import Signals
from tests.support import server_process, serving
from tests.support.polling import eventually
from tests.support.tfs import TfsClient

MOST_ROWS = 5  # of one request


@dataclass(frozen=True)
class Managed:
    """A running process, its file and its ports."""

    process: subprocess.Popen[str]
    config_path: Path
    port: int
    http_port: int
    admin_port: int
    pods: HttpPodClient

    def target(self, *tokens: str) -> Target:
        """Its admin side in clear text."""
        return Target(f"127.0.0.1:{self.admin_port}", tokens)

    async def signals(self, *tokens: str) -> Signals:
        """What it says of itself."""
        report = await self.pods.read(self.target(*tokens))
        assert isinstance(report, Signals), report
        return report

    async def status(self, method: str, path: str, port: int | None = None, **more: Any) -> int:
        """The status of an answer of the admin port, or of another."""
        status, _ = await self.ask(method, path, port, **more)
        return status

    async def ask(
        self, method: str, path: str, port: int | None = None, **more: Any
    ) -> tuple[int, bytes]:
        """An answer of the admin port, or of another."""
        url = f"http://127.0.0.1:{port or self.admin_port}{path}"
        async with aiohttp.ClientSession() as http, http.request(method, url, **more) as response:
            return response.status, await response.read()

    async def documents_read(self, result: str) -> float:
        """How many documents came to that, by its metrics."""
        _, body = await self.ask("GET", "/metrics")
        families = text_string_to_metric_families(body.decode())
        samples = [sample for family in families for sample in family.samples]
        wanted = [item for item in samples if item.name == "batchwright_config_reloads_total"]
        return sum(item.value for item in wanted if item.labels["result"] == result)


@asynccontextmanager
async def run(folder: Path, document: bytes, *flags: str, waits: bool = True) -> AsyncIterator[Managed]:
    """A process that began with `document` as its file; killed at the end of the block.

    It is ready if the block `waits` for that, in clear text.
    """
    config_path = folder / "config.json"
    config_path.write_bytes(document)
    port, http_port, admin_port = (serving.free_port() for _ in range(3))
    places = ["--config_path", str(config_path), "--admin_bind_address", "127.0.0.1"]
    ports = ["--port", str(port), "--rest_port", str(http_port), "--admin_port", str(admin_port)]
    polling = ["--file_system_poll_wait_seconds", "0.05"]
    command = [*places, *ports, *polling, *flags]
    pods = HttpPodClient()
    with server_process.run(folder, *command) as process:
        try:
            if waits:
                await eventually(partial(server_process.is_ready, admin_port))
            yield Managed(process, config_path, port, http_port, admin_port, pods)
        finally:
            await pods.close()


class Listening(Protocol):
    """What answers on a port of loopback."""

    @property
    def port(self) -> int: ...


@asynccontextmanager
async def asking(server: Listening, model: str = "m", clients: int = 2) -> AsyncIterator[None]:
    """Clients that ask for batches of many sizes during the block; no answer may be wrong or missing."""
    enough = asyncio.Event()
    tasks = [asyncio.create_task(_ask(server, model, enough)) for _ in range(clients)]
    try:
        yield
    finally:
        enough.set()
        answered = await asyncio.gather(*tasks)
    assert min(answered) > 0


async def _ask(server: Listening, model: str, enough: asyncio.Event) -> int:
    answered = 0
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        client = TfsClient(channel)
        while not enough.is_set():
            x = np.full((1 + answered % MOST_ROWS, 4), answered % 7, np.float32)
            np.testing.assert_array_equal((await client.predict(model, x=x))["y"], 3 * x + 1)
            answered += 1
    return answered


def render(folder: Path, strategy: str = "reload", **more: Any) -> bytes:
    """A document of the model `m` in `folder`, served by `strategy`."""
    entry = serving.model_config("m", folder, batching={"strategy": strategy})
    return json.dumps(serving.document(entry) | more).encode()
