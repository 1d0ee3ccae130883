"""The server as a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from batchwright_server.config import signals

HOSTS = ("--grpc_bind_address", "127.0.0.1", "--rest_bind_address", "127.0.0.1")


@contextmanager
def run(folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """A server with these flags, on loopback, in `folder`; killed at the end of the block."""
    command = [sys.executable, "-m", "batchwright_server", *HOSTS, *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder) as running:
        try:
            yield running
        finally:
            running.kill()


async def health(port: int) -> int:
    """The HTTP status of its readiness; 0 if it does not answer."""
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{port}/v2/health/ready") as response,
        ):
            return response.status
    except aiohttp.ClientError:
        return 0


async def is_ready(port: int) -> bool:
    """Whether requests are welcome."""
    return await health(port) == 200


async def read_signals(port: int) -> signals.Signals:
    """What it tells the operator."""
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/v1/signals") as response,
    ):
        return signals.Signals.model_validate_json(await response.read())
