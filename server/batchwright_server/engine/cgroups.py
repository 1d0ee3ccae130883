"""What control groups allow this process: version 1, version 2, or both at once (hybrid).

A group's limits hold for all below it, so the tightest of the process's own group and those above it
counts. In a container the group's own path may not be visible; what is mounted is then its own group.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_UNBOUNDED = 1 << 60  # version 1 says "no limit" as a number beyond any memory


@dataclass(frozen=True)
class MemoryGroup:
    """A group with a limit: bytes it may have, and has without what the kernel can take back."""

    limit: int
    used: int


@dataclass(frozen=True)
class Cgroups:
    """Reads the limits of one process's groups; each reading is fresh."""

    root: Path = _ROOT
    own: Path = _OWN  # the process's groups

    def cpu_quota(self) -> float | None:
        """The processors that may be used on average; None: no limit."""
        quotas = [quota for group in self._groups("cpu") if (quota := _quota(group)) is not None]
        return min(quotas, default=None)

    def memory(self) -> MemoryGroup | None:
        """The group with the least memory left; None: no limit."""
        groups = [found for group in self._groups("memory") if (found := _memory(group)) is not None]
        return min(groups, key=lambda found: found.limit - found.used, default=None)

    def _groups(self, controller: str) -> Iterator[Path]:
        """The folders of the process's group and all above it, in each hierarchy that may count."""
        for mount, path in self._hierarchies(controller):
            inner = mount.joinpath(*Path(path).parts[1:])
            for folder in (inner, *inner.parents):
                if folder.is_relative_to(mount) and folder.is_dir():
                    yield folder

    def _hierarchies(self, controller: str) -> Iterator[tuple[Path, str]]:
        found = False
        for line in _read(self.own).splitlines():
            _, names, path = line.split(":", 2)
            if not names:
                yield self.root, path
                yield self.root / "unified", path
            elif controller in names.split(","):
                found = True
                yield from ((self.root / folder, path) for folder in {controller, names})
        if not found:
            yield self.root / controller, "/"


def _quota(group: Path) -> float | None:
    newer = _read(group / "cpu.max").split()
    if len(newer) == 2 and newer[0] != "max":
        return int(newer[0]) / int(newer[1])
    quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
    if not quota or not period or int(quota) <= 0:
        return None
    return int(quota) / int(period)


def _memory(group: Path) -> MemoryGroup | None:
    limit = _read(group / "memory.max") or _read(group / "memory.limit_in_bytes")
    if not limit or limit == "max" or int(limit) >= _UNBOUNDED:
        return None
    used = _read(group / "memory.current") or _read(group / "memory.usage_in_bytes")
    files = _file_pages(_read(group / "memory.stat"))
    return MemoryGroup(int(limit), max(0, int(used or 0) - files))


def _file_pages(stat: str) -> int:
    """Bytes of files that are in memory and can be read again; version 1 names them `total_…`."""
    known = dict(line.split(" ", 1) for line in stat.splitlines())
    names = [
        f"total_{name}" if f"total_{name}" in known else name
        for name in ("inactive_file", "active_file")
    ]
    return sum(int(known.get(name, 0)) for name in names)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
