"""A whole server in this process: real OpenVINO, real gRPC and HTTP on loopback."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
from prometheus_client.parser import text_string_to_metric_families

from batchwright_server import app, settings
from batchwright_server.config import signals
from batchwright_server.engine.openvino_engine import OpenVinoEngine
from batchwright_server.telemetry import tracing
from tests.support import models
from tests.support.tfs import TfsClient


@dataclass
class Serving:
    """A running server and ways to talk to it."""

    server: app.Server
    config_path: Path
    client: TfsClient
    http: aiohttp.ClientSession

    @property
    def target(self) -> str:
        """Its gRPC address."""
        return f"127.0.0.1:{self.server.grpc_port}"

    async def reload(self, document: dict[str, Any] | str) -> tuple[int, dict[str, Any]]:
        """Write the configuration file and have it read; gives the HTTP status and the body."""
        write_config(self.config_path, document)
        async with self.http.post("/v1/config/reload") as response:
            return response.status, await response.json()

    async def model_signals(self, model: str) -> signals.ModelSignals:
        """The signals of one model."""
        document = await self.process_signals()
        return next(found for found in document.models if found.name == model)

    async def process_signals(self) -> signals.Signals:
        """The whole signals document."""
        async with self.http.get("/v1/signals") as response:
            return signals.Signals.model_validate_json(await response.read())

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of `/metrics` with this name and at least these labels."""
        async with self.http.get("/metrics") as response:
            families = text_string_to_metric_families(await response.text())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def write_config(path: Path, document: dict[str, Any] | str) -> None:
    """Write a configuration file at once, as a careful editor does."""
    partial = path.with_suffix(".partial")
    partial.write_text(document if isinstance(document, str) else json.dumps(document))
    partial.replace(path)


def model_config(name: str, folder: Path, **keys: Any) -> dict[str, Any]:
    """One element of `model_config_list`: exact arithmetic, no calibration unless it is asked for."""
    if "batching" in keys:
        keys["batching"] = {"calibration": {"enabled": False}} | keys["batching"]
    config = {"name": name, "base_path": str(folder), "plugin_config": models.EXACT} | keys
    return {"config": config}


def document(*configs: dict[str, Any]) -> dict[str, Any]:
    """A configuration of these models."""
    return {"model_config_list": list(configs)}


@asynccontextmanager
async def serve(
    tmp_path: Path, config: dict[str, Any], *flags: str, traces: tracing.Tracing | None = None
) -> AsyncIterator[Serving]:
    """A server with this configuration; ends with the block."""
    config_path = tmp_path / "config.json"
    write_config(config_path, config)
    addresses = ["--grpc_bind_address", "127.0.0.1", "--rest_bind_address", "127.0.0.1"]
    grpc_port, rest_port = free_ports(2)
    ports = ["--port", str(grpc_port), "--rest_port", str(rest_port)]
    polling = ["--file_system_poll_wait_seconds", "0"]
    chosen = settings.parse_settings(
        ["--config_path", str(config_path), *addresses, *ports, *polling, *flags]
    )
    server = app.Server(chosen, OpenVinoEngine(), traces)
    try:
        await server.start()
        url = f"http://127.0.0.1:{server.http_port}"
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel,
            aiohttp.ClientSession(url) as http,
        ):
            yield Serving(server, config_path, TfsClient(channel), http)
    finally:
        await server.stop()


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many ports of loopback that nobody listens on now, each another one."""
    with ExitStack() as probes:
        found = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in found:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in found]
