"""Control groups of the node: one for pods, one for daemons; version 1 or 2, as the machine has them."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.support.node.layout import NAME

_ROOT = Path("/sys/fs/cgroup")
_DAEMONS = f"{NAME}-daemons"
_END_SECONDS = 10.0


def is_unified() -> bool:
    """Whether this machine has version 2 alone."""
    return (_ROOT / "cgroup.controllers").exists()


def make() -> None:
    """The groups, in each hierarchy."""
    for hierarchy in _hierarchies():
        group = hierarchy / NAME
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):  # version 1 begins with none, and then runs nothing
            if (group / name).exists() and not is_unified():
                (group / name).write_text((hierarchy / name).read_text())
    if is_unified():
        controllers = (_ROOT / "cgroup.controllers").read_text().split()
        for group in (_ROOT, _ROOT / NAME):
            text = " ".join(f"+{name}" for name in controllers)
            with suppress(OSError):
                (group / "cgroup.subtree_control").write_text(text)
    daemons_file().parent.mkdir(exist_ok=True)


def daemons_file() -> Path:
    """Where a process writes its number to be among the daemons."""
    hierarchy = _ROOT if is_unified() else _ROOT / "pids"
    return hierarchy / _DAEMONS / "cgroup.procs"


def end_pods() -> None:
    """Kill what runs in pods."""
    _end(_counted() / NAME)


def end_daemons() -> None:
    """Kill what daemons left, the watchers of containers above all."""
    _end(daemons_file().parent)


def remove() -> None:
    """Take the groups away, and those that the runtime made beside them."""
    for hierarchy in (*_hierarchies(), _ROOT / "unified"):
        for name in (NAME, _DAEMONS):
            _remove(hierarchy / name)


def _counted() -> Path:
    return _ROOT if is_unified() else _ROOT / "pids"


def _hierarchies() -> Iterator[Path]:
    if is_unified():
        yield _ROOT
        return
    for path in sorted(_ROOT.iterdir()):
        if path.is_dir() and not path.is_symlink() and path.name != "unified":
            yield path


def _processes(group: Path) -> set[int]:
    found: set[int] = set()
    for file in group.rglob("cgroup.procs"):
        with suppress(OSError):
            found.update(int(line) for line in file.read_text().split())
    return found


def _end(group: Path) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while found := _processes(group):
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise AssertionError(f"{group}: still there after being killed: {sorted(found)}")
        time.sleep(0.05)


def _remove(group: Path) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while group.exists():
        for folder, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):  # its last process is just ending
                Path(folder).rmdir()
        assert time.monotonic() < deadline, f"{group} cannot be removed"
