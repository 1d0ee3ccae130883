"""`batchwright up` as a process of its own, and what it writes about its ModelServer."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from example_client.demo import journal

READY_SECONDS = 150.0
_POLL_SECONDS = 0.2
_STOP_SECONDS = 30.0
_TAIL_LINES = 25


class SupervisionError(Exception):
    """`batchwright up` did not do what it must; the message ends with its last lines."""


@dataclass(frozen=True)
class Place:
    """What is served, from where, and where everything is written."""

    manifest: Path
    name: str  # the ModelServer's
    models: Path
    out: Path
    port: int  # of gRPC; HTTP is at the next one

    @property
    def state(self) -> Path:
        """The folder in which `batchwright up` keeps its state."""
        return self.out / "state"

    @property
    def log(self) -> Path:
        """What `batchwright up` prints."""
        return self.out / "up.log"

    @property
    def home(self) -> Path:
        """The ModelServer's own folder within the state."""
        return self.state / self.name


class Supervised:
    """A running `batchwright up`; leaving the context stops it with all that it started."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.journal = journal.Journal(place.home)
        self._log: IO[bytes] = place.log.open("wb")
        self._process = subprocess.Popen(  # noqa: S603 (our own program, with paths of the user's)
            _command(place),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches it through us, once, after the clients have ended
        )

    def __enter__(self) -> "Supervised":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_until_ready(self) -> None:
        """Returns when the status says Ready. Raises SupervisionError when that takes too long."""
        end = time.monotonic() + READY_SECONDS
        while not self.journal.is_ready():
            self.check_running()
            if time.monotonic() > end:
                raise SupervisionError(self._with_logs(f"not ready within {READY_SECONDS:.0f} seconds"))
            time.sleep(_POLL_SECONDS)

    def check_running(self) -> None:
        """Raises SupervisionError when the process has ended."""
        code = self._process.poll()
        if code is not None:
            raise SupervisionError(self._with_logs(f"batchwright up ended with exit code {code}"))

    def stop(self) -> None:
        """Asks the process to end, waits, and kills its group where it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._log.close()

    def _with_logs(self, sentence: str) -> str:
        logs = [self.place.log, *sorted((self.place.home / "pods").glob("*.log"))]
        return "\n".join([sentence, *(_tail(log) for log in logs)])


def free_port() -> int:
    """A port of the loopback that is free together with the next one, until somebody takes them."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def _command(place: Place) -> list[str]:
    program = [sys.executable, "-m", "batchwright_operator", "up", str(place.manifest)]
    volume = ["--volume", f"models={place.models}"]
    return [*program, *volume, "--port", str(place.port), "--state-dir", str(place.state)]


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
    return "\n".join([f"--- {log}", *lines[-_TAIL_LINES:]])
