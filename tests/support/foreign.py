"""Clients nobody here wrote, each in an environment of its own under `build/clients`.

Small ones are made when a test first needs them. TensorFlow takes two gigabytes: its environment is made
by `python -m tests.support.foreign` (which makes all), and its tests are skipped until then.
"""

import asyncio
import ctypes.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "build" / "clients"
PROGRAMS = ROOT / "tests" / "integration" / "api" / "programs"
MAKE_SECONDS = 240.0


@dataclass(frozen=True)
class Client:
    """A client's packages; a large one is not made in passing."""

    name: str
    requirements: tuple[str, ...]
    large: bool = False


# The last tritonclient with NVIDIA's perf_analyzer inside, and the library that one is linked with.
TRITON = Client("tritonclient", ("tritonclient[grpc,http]==2.41.1", "nvidia-cuda-runtime-cu12"))
OVMS = Client("ovmsclient", ("ovmsclient",))
TENSORFLOW = Client("tensorflow-serving-api", ("tensorflow-serving-api",), large=True)


@dataclass(frozen=True)
class Environment:
    """An environment that is there."""

    folder: Path

    async def ask(self, program: str, *arguments: str) -> Any:
        """What a program of `programs/` prints on its last line, as JSON."""
        python = str(self.folder / "bin" / "python")
        output = await run(python, str(PROGRAMS / program), *arguments)
        return json.loads(output.splitlines()[-1])


def require(client: Client) -> Environment:
    """The client's environment; skips the test if it is not there and cannot be made."""
    folder = CLIENTS / client.name
    if is_made(client):
        return Environment(folder)
    if client.large:
        pytest.skip(
            f"FOREIGN CLIENT MISSING: {client.name} is large; python -m tests.support.foreign makes it"
        )
    try:
        make(client)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"FOREIGN CLIENT MISSING: {client.name} cannot be made here: {error}")
    return Environment(folder)


def require_b64() -> dict[str, str]:
    """Variables under which perf_analyzer finds its libraries; skips where they are not to be had."""
    libraries = [str(next((CLIENTS / TRITON.name).rglob("libcudart.so.12")).parent)]
    if not ctypes.util.find_library("b64"):
        folder = CLIENTS / "libb64"
        try:
            _unpack_b64(folder)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"FOREIGN CLIENT MISSING: libb64-0d, which perf_analyzer needs: {error}")
        libraries.append(str(next(folder.rglob("libb64.so.0d")).parent))
    return {"LD_LIBRARY_PATH": ":".join(libraries)}


def is_made(client: Client) -> bool:
    """Whether the environment is there with exactly these requirements."""
    stamp = CLIENTS / client.name / "made"
    return stamp.exists() and stamp.read_text() == _stamp(client)


def make(client: Client, seconds: float = MAKE_SECONDS) -> None:
    """Make the environment. Raises OSError or SubprocessError."""
    folder = CLIENTS / client.name
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *client.requirements]
    for command in ([sys.executable, "-m", "venv", str(folder)], pip):
        subprocess.run(command, check=True, timeout=seconds)
    (folder / "made").write_text(_stamp(client))


async def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """What a command prints; fails with all of it unless the command succeeds."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, complaints = await asyncio.wait_for(process.communicate(), 120)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, output.decode() + complaints.decode()
    return output.decode()


def _stamp(client: Client) -> str:
    return "\n".join(client.requirements)


def _unpack_b64(folder: Path) -> None:
    if list(folder.rglob("libb64.so.0d")):
        return
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "libb64-0d"], check=True, cwd=folder, timeout=60)  # noqa: S607
    package = next(folder.glob("libb64-0d_*.deb"))
    subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True, timeout=60)  # noqa: S607


def main() -> None:
    """Make every environment that is missing."""
    for client in (TRITON, OVMS, TENSORFLOW):
        if not is_made(client):
            make(client, seconds=1800)


if __name__ == "__main__":
    main()
