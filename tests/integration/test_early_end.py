"""Programs that are told to end while they still begin, as the first process of a container."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_PROGRAMS = {
    "server": ("batchwright_server", "--config_path=missing.json", "--port=0"),
    "operator": ("batchwright_operator", "operator", "--help"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the signals of a process")
@pytest.mark.parametrize("program", _PROGRAMS)
def test_a_program_told_to_end_while_it_imports_ends(program: str, tmp_path: Path) -> None:
    """It has a handler before its first large import, and so ends although the signal was ignored."""
    # What has no handler is ignored by a container's first process; here because the shell says so.
    command = ["sh", "-c", 'trap "" TERM; exec "$@"', "sh", sys.executable, "-m", *_PROGRAMS[program]]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as running:
        try:
            _wait_until_caught(running.pid)
            assert not _has_loaded(running.pid, "pydantic")
            running.send_signal(signal.SIGTERM)
            assert running.wait(10) == 128 + signal.SIGTERM
        finally:
            running.kill()


def _wait_until_caught(process: int) -> None:
    deadline = time.monotonic() + 30
    while not _is_caught(process):
        assert time.monotonic() < deadline, "it never listens to the signal"
        time.sleep(0.001)


def _is_caught(process: int) -> bool:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    [caught] = [line.split()[1] for line in lines if line.startswith("SigCgt:")]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def _has_loaded(process: int, package: str) -> bool:
    return package in Path(f"/proc/{process}/maps").read_text()
