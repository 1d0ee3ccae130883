"""The memory of this process: how much it has, how much it may still take.

Bytes are those of `RssAnon` and `RssShmem`: what was allocated and written. Pages of files (a model's
weights before they are compiled) are not counted: the kernel takes them back when it needs room.
"""

import ctypes
from pathlib import Path

from batchwright_server.engine.cgroups import Cgroups

_STATUS = Path("/proc/self/status")
_MACHINE = Path("/proc/meminfo")
_COUNTED = ("RssAnon", "RssShmem")


class ProcessMemory:
    """Reads the kernel's counts; every call is fresh, takes less than a millisecond, any thread."""

    def __init__(self, groups: Cgroups | None = None, share: int = 1) -> None:
        self._groups = groups or Cgroups()
        self._share = share
        # Absent in other C libraries, which have another allocator.
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def limit(self) -> int:
        """The most this process may have: its groups' limit, or the machine's memory.

        One of several processes that share it has its part.
        """
        machine = _read_fields(_MACHINE)["MemTotal"]
        group = self._groups.memory()
        return (min(machine, group.limit) if group else machine) // self._share

    def available(self) -> int:
        """What may still be taken before something is killed."""
        machine = _read_fields(_MACHINE)["MemAvailable"]
        group = self._groups.memory()
        return max(0, min(machine, group.limit - group.used)) if group else machine

    def taken(self) -> int:
        """What this process has now."""
        fields = _read_fields(_STATUS)
        return sum(fields.get(name, 0) for name in _COUNTED)

    def trim(self) -> None:
        """Give back what the allocator keeps for later."""
        if self._trim is not None:
            self._trim(0)


def _read_fields(path: Path) -> dict[str, int]:
    """Those counted in kB, in bytes."""
    fields = {}
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            fields[name] = int(value[:-3]) * 1024
    return fields
