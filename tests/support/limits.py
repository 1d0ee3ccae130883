"""Control groups of a test's own, with real limits; version 1 or 2, as the machine has them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 100_000  # microseconds


@contextmanager
def limited(*, memory: int | None = None, cores: float | None = None) -> Iterator[list[Path]]:
    """Files to write a process's number to, so that the limits hold for it; removed at the end.

    Skips the test where this machine lets nobody make groups.
    """
    name = f"batchwright-test-{os.getpid()}"
    is_unified = (_ROOT / "cgroup.controllers").exists()
    files: dict[str, dict[str, str]] = {}
    if memory is not None:
        files["memory"] = {"memory.max" if is_unified else "memory.limit_in_bytes": str(memory)}
    if cores is not None:
        quota = str(int(cores * _PERIOD))
        newer = {"cpu.max": f"{quota} {_PERIOD}"}
        files["cpu"] = newer if is_unified else {"cpu.cfs_quota_us": quota}
    groups = [_ROOT / name] if is_unified else [_ROOT / controller / name for controller in files]
    try:
        for group in groups:
            group.mkdir()
        for index, values in enumerate(files.values()):
            for file, value in values.items():
                (groups[0 if is_unified else index] / file).write_text(value)
    except OSError as error:
        _remove(groups)
        pytest.skip(f"no control group can be made here: {error}")
    try:
        yield [group / "cgroup.procs" for group in groups]
    finally:
        _remove(groups)


def _remove(groups: list[Path]) -> None:
    deadline = time.monotonic() + 10
    for group in groups:
        while group.exists() and time.monotonic() < deadline:
            with suppress(OSError):  # its last process is just ending
                group.rmdir()
