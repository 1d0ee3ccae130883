"""One process on this machine, with its output in a file."""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_TAIL_BYTES = 4096
_LINE_LIMIT = 300


class PodProcess:
    """A running or ended process. It has a session of its own: a terminal's Ctrl-C is not for it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    async def start(
        cls, command: tuple[str, ...], environ: Mapping[str, str], log: Path
    ) -> "PodProcess":
        """A new process; what it prints is added to `log`. Raises OSError if it cannot start."""
        output = _open_log(log)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)
        return cls(process, log)

    @property
    def pid(self) -> int:
        """The process's number, which is its session's and group's too."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    @property
    def ending(self) -> str:
        """How it ended, with the last line it printed; empty while it runs."""
        code = self._process.returncode
        if code is None:
            return ""
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        line = last_line(self._log) if code > 0 else ""
        return f"{how}: {line}" if line else how

    def terminate(self) -> None:
        """Ask it to finish what it does and end."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it and whatever it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def wait(self) -> None:
        """Return when it has ended."""
        await self._process.wait()


def last_line(log: Path) -> str:
    """The last line of a log that is not blank, shortened; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:_LINE_LIMIT] for line in reversed(lines) if line.strip()), "")


def _open_log(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
