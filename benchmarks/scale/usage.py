"""What a process uses of the machine, as the kernel tells it."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MIB = 1024.0  # of the kernel's KiB


@dataclass(frozen=True)
class Usage:
    """A look at a process; memory in MiB."""

    cpu_seconds: float
    resident: float
    peak: float


def read_usage(pid: int) -> Usage:
    """The process now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])  # user and system
    status = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if ":" in line
    )
    return Usage(ticks / _TICKS, _kibibytes(status["VmRSS"]) / _MIB, _kibibytes(status["VmHWM"]) / _MIB)


def _kibibytes(text: str) -> int:
    return int(text.split(maxsplit=1)[0])
