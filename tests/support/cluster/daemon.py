"""A program that runs beside the tests, and never outlives them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_LEASH = Path(__file__).with_name("leash.py")
_STOP_SECONDS = 10.0
_TAIL_BYTES = 3000


def leashed(command: Sequence[str | Path]) -> list[str]:
    """The command, killed when the calling thread ends."""
    return [sys.executable, "-S", "-E", str(_LEASH), str(os.getpid()), *(str(part) for part in command)]


class Daemon:
    """One program by name: started, stopped, killed, paused; its output is kept over restarts."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it. Only in the main thread: it is killed when the thread that started it ends."""
        assert threading.current_thread() is threading.main_thread()
        assert not self.is_running, f"{self.name} runs already"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                leashed(self._command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environ,
                cwd=self.log.parent,
                start_new_session=True,
            )

    def stop(self, seconds: float = _STOP_SECONDS) -> None:
        """End it: asked first, killed after `seconds`."""
        if self._process is None or not self.is_running:
            return
        self.resume()
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a crash does."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        """Let it do nothing at all, and answer nobody."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._signal(signal.SIGCONT)

    def wait(self, seconds: float) -> int:
        """The exit code, once it has ended by itself."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.wait(seconds)

    def require_running(self) -> None:
        """Fail with the program's last words if it has ended."""
        if not self.is_running:
            raise AssertionError(f"{self.name} has ended:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of its output."""
        with suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
        return ""

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.is_running:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def wait_until(
    is_done: Callable[[], bool], what: str, daemons: Sequence[Daemon], *, seconds: float
) -> None:
    """Return once `is_done` gives True; fails when a daemon ends before that, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_done():
        for daemon in daemons:
            daemon.require_running()
        if time.monotonic() > deadline:
            tails = "\n".join(f"--- {daemon.name}\n{daemon.tail()}" for daemon in daemons)
            raise AssertionError(f"not within {seconds} s: {what}\n{tails}")
        time.sleep(0.05)
