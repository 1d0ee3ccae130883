"""What else the machine does meanwhile."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 1.0
_QUIET_PROCESSORS = 0.2
_IDLE = (3, 4)  # idle, and waiting for input or output


class Foreign:
    """Processors used by programs other than this one and the server, since this was made."""

    def __init__(self, server_seconds: Callable[[], float]) -> None:
        self._server_seconds = server_seconds
        self._began = time.monotonic()
        self._before = self._foreign_seconds()

    def processors(self) -> float:
        """On average."""
        elapsed = max(time.monotonic() - self._began, 1e-3)
        return max(0.0, (self._foreign_seconds() - self._before) / elapsed)

    def _foreign_seconds(self) -> float:
        return busy_seconds() - self._server_seconds() - time.process_time()


async def wait_quiet(seconds: float) -> None:
    """Return as soon as hardly anything runs, or after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        before = busy_seconds()
        await asyncio.sleep(_LOOK_SECONDS)
        if (busy_seconds() - before) / _LOOK_SECONDS < _QUIET_PROCESSORS:
            return


def busy_seconds() -> float:
    """Processor seconds of all programs since the machine was started."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(field for number, field in enumerate(fields) if number not in _IDLE) / _TICKS
