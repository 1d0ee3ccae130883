"""The operator as a process of its own, as a cluster runs it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

START_SECONDS = 60.0
PROGRAM = ("-m", "batchwright_operator")


class OperatorProcess:
    """One replica. Its log is JSON, a line an event."""

    def __init__(self, directory: Path, kubeconfig: Path, *options: str) -> None:
        self.log = directory / "operator.log"
        where = ["--http-bind-address=127.0.0.1", "--http-port=0"]
        self._arguments = ["--kubeconfig", str(kubeconfig), *where, "--log-format=json", *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self, environment: Mapping[str, str] | None = None, *, program: Sequence[str] = PROGRAM
    ) -> None:
        """Start it, with more of an environment than ours; `program` are Python's arguments."""
        command = [sys.executable, *program, "operator", *self._arguments]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stderr=log, stdout=log, env=os.environ | dict(environment or {})
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process, which must have been started."""
        assert self._process is not None
        return self._process

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = START_SECONDS) -> int:
        """Its exit code, once it has ended by itself."""
        return self.process.wait(seconds)

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self.is_running:
            self.signal(signal.SIGKILL)
            self.wait()

    def events(self) -> list[dict[str, Any]]:
        """What it has logged, by whole lines; a line that is not JSON fails."""
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        return [json.loads(line) for line in lines]

    def said(self, message: str) -> list[dict[str, Any]]:
        """The events that begin so."""
        return [event for event in self.events() if event["message"].startswith(message)]

    def faults(self) -> list[dict[str, Any]]:
        """Events with a traceback."""
        return [event for event in self.events() if "exception" in event]

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of its HTTP side."""
        began = self.said("The operator begins")
        assert began, self.log.read_text() if self.log.exists() else "no log"
        url = f"http://127.0.0.1:{began[-1]['port']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, line: str) -> float | None:
        """The value of one series, named as in the exposition; None if it is not there."""
        _, text = self.get("/metrics")
        found = (item.rsplit(" ", 1) for item in text.splitlines())
        return next((float(value) for name, value in found if name == line), None)


@contextmanager
def ended(*operators: OperatorProcess) -> Iterator[None]:
    """End them afterwards; none may have logged a traceback."""
    try:
        yield
    finally:
        for operator in operators:
            operator.end()
    for operator in operators:
        assert operator.faults() == []
