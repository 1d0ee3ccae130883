"""Servers as processes, on loopback: ours, the bare one, and others."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batchwright_server.config.signals import Signals
from benchmarks.scale import usage
from benchmarks.serving.messages import Subject

READY_SECONDS = 120.0

Batching = Mapping[str, Any]


class Server:
    """A process that serves, and those that it started."""

    def __init__(
        self, command: Sequence[str], port: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self._log = log.open("w")
        self._began = time.monotonic()
        self.ready_seconds = 0.0
        self._process = subprocess.Popen(  # noqa: S603  programs named in this folder
            command, stdout=self._log, stderr=self._log, env=environment
        )

    def wait_ready(self, url: str = "") -> "Server":
        """Return when `url` answers 200, or the port is open. Raises RuntimeError with the log's end."""
        while not _answers(url, self.port):
            if self._process.poll() is not None or time.monotonic() - self._began > READY_SECONDS:
                log = Path(self._log.name).read_text()[-2000:]
                raise RuntimeError(f"{self._process.args!r} did not get ready: {log}")
            time.sleep(0.02)
        self.ready_seconds = time.monotonic() - self._began
        return self

    def cpu_seconds(self) -> float:
        """Processor time so far, of all its processes."""
        return sum(usage.read_usage(pid).cpu_seconds for pid in self._pids())

    def resident(self) -> float:
        """Memory in MiB, of all its processes; pages they share are counted for each."""
        return sum(usage.read_usage(pid).resident for pid in self._pids())

    def close(self) -> None:
        """End it."""
        for pid in reversed(self._pids()):
            subprocess.run(["kill", "-9", str(pid)], check=False)  # noqa: S603, S607
        self._process.wait()
        self._log.close()

    def _pids(self) -> list[int]:
        return _family(self._process.pid)


class OwnServer(Server):
    """Batchwright, with a configuration that can be changed."""

    def __init__(self, home: Path, subjects: Sequence[Subject], batching: Batching, *flags: str) -> None:
        port, http = free_port(), free_port()
        self.model = subjects[0].name
        self._url = f"http://127.0.0.1:{http}"
        self._config = home / f"config-{port}.json"
        self._write(subjects, batching)
        hosts = ["--grpc_bind_address", "127.0.0.1", "--rest_bind_address", "127.0.0.1"]
        ports = ["--port", str(port), "--rest_port", str(http), "--config_path", str(self._config)]
        polling = ["--file_system_poll_wait_seconds", "0"]
        command = [sys.executable, "-m", "batchwright_server", *hosts, *ports, *polling, *flags]
        super().__init__(command, port, home / f"server-{port}.log")

    def wait_ready(self, url: str = "") -> "OwnServer":
        super().wait_ready(url or f"{self._url}/v2/health/ready")
        return self

    def read_signals(self) -> Signals:
        """What it counts and measured."""
        with urllib.request.urlopen(f"{self._url}/v1/signals", timeout=10) as answer:  # noqa: S310  loopback
            return Signals.model_validate_json(answer.read())

    def reconfigure(self, subjects: Sequence[Subject], batching: Batching) -> None:
        """Have it serve with another batching; returns when it does."""
        self._write(subjects, batching)
        asked = urllib.request.Request(f"{self._url}/v1/config/reload", method="POST")  # noqa: S310
        with urllib.request.urlopen(asked, timeout=READY_SECONDS):  # noqa: S310  loopback
            pass

    def _write(self, subjects: Sequence[Subject], batching: Batching) -> None:
        entries = [
            {
                "config": {
                    "name": each.name,
                    "base_path": str(each.folder.resolve()),
                    "batching": dict(batching),
                }
            }
            for each in subjects
        ]
        self._config.write_text(json.dumps({"model_config_list": entries}))


def start_ours(home: Path, subjects: Sequence[Subject], batching: Batching, *flags: str) -> OwnServer:
    """Batchwright with these models, ready."""
    return OwnServer(home, subjects, batching, *flags).wait_ready()


def start_auto(home: Path, subject: Subject) -> Server:
    """`batch_size: auto` as OpenVINO Model Server has it, ready."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serving.autoserver", str(subject.xml), str(port)]
    return Server(command, port, home / f"auto-{port}.log").wait_ready()


def start_bare(home: Path, answer: str) -> Server:
    """The bare echo, ready."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serving.bareserver", str(port), answer]
    return Server(command, port, home / f"bare-{port}.log").wait_ready()


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str, port: int) -> bool:
    try:
        if url:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  loopback
                return True
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except (OSError, urllib.error.URLError):
        return False


def _family(pid: int) -> list[int]:
    """A process and all that come from it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(int(child)))]
