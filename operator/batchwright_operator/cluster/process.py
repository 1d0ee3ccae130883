"""One process on this machine, with its output in a file."""

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_TAIL_BYTES = 4096
_LINE_LIMIT = 300
_ERROR = re.compile(r"\b(ERROR|CRITICAL)\b")  # what comes after one is how the program ended, not why


class PodProcess:
    """A running or ended process. It has a session of its own: a terminal's Ctrl-C is not for it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, *, since: int) -> None:
        self._process = process
        self._log = log
        self._since = since  # what is before that in the log was printed by another process

    @classmethod
    async def start(
        cls, command: tuple[str, ...], environ: Mapping[str, str], log: Path
    ) -> "PodProcess":
        """A new process; what it prints is added to `log`. Raises OSError if it cannot start."""
        output = _open_log(log)
        since = os.fstat(output).st_size
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
        return cls(process, log, since=since)

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
        """How it ended, with its last words; empty while it runs."""
        code = self._process.returncode
        if code is None:
            return ""
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        line = last_words(self._log, since=self._since) if code > 0 else ""
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


def last_words(log: Path, *, since: int = 0) -> str:
    """The last error in a log after the byte `since`, else its last line, shortened; empty for none."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip()[:_LINE_LIMIT] for line in text.split("\n") if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)]
    return (errors or lines or [""])[-1]


def _open_log(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
