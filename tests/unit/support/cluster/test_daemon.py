"""Programs that run beside tests."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.cluster.daemon import Daemon, leashed, wait_until

_PARENT = """
import subprocess, sys, time
from tests.support.cluster.daemon import leashed
child = subprocess.Popen(leashed([sys.executable, "-c", "import time; time.sleep(600)"]))
print(child.pid, flush=True)
time.sleep(600)
"""

_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="bound to their parents on Linux only")
def test_a_program_ends_with_the_one_that_started_it() -> None:
    """Whatever ends a test run, nothing of it is left running: not even by SIGKILL."""
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.kill()

    wait_until(lambda: not is_alive(pid), "the child's end", (), seconds=10)


def test_a_daemon_is_killed_started_again_and_stopped(tmp_path: Path) -> None:
    """Its output is kept over restarts, and a program that ignores SIGTERM is killed all the same."""
    daemon = Daemon("stubborn", [sys.executable, "-c", _STUBBORN], tmp_path / "log")
    for times in (1, 2):
        daemon.start()
        wait_until(partial(has_said, daemon, "up\n" * times), "its word", (daemon,), seconds=10)
        daemon.stop(seconds=0.1)
        assert daemon.wait(5) == -signal.SIGKILL

    with pytest.raises(AssertionError, match="up"):
        daemon.require_running()


def test_a_command_is_given_on_as_it_is() -> None:
    """The leash adds nothing to a program's arguments, and gives its exit code."""
    told = subprocess.run(
        leashed([sys.executable, "-c", "import sys; print(sys.argv[1:]); sys.exit(7)", "a b", "--c"]),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (told.returncode, told.stdout) == (7, "['a b', '--c']\n")


def has_said(daemon: Daemon, text: str) -> bool:
    return daemon.tail() == text


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_waiting_ends_with_the_reason(tmp_path: Path) -> None:
    """A program that ends before what is waited for tells its last words at once."""
    daemon = Daemon("brief", [sys.executable, "-c", "print('no such flag')"], tmp_path / "log")
    daemon.start()
    began = time.monotonic()

    with pytest.raises(AssertionError, match="no such flag"):
        wait_until(lambda: False, "anything", (daemon,), seconds=60)

    assert time.monotonic() - began < 30
