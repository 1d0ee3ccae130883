"""Processes of a run that was killed before it could end them."""

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

_GONE_SECONDS = 5.0
_LOOK_SECONDS = 0.02


class StateInUseError(Exception):
    """Another run uses the state directory."""


def lock_state(state: Path) -> IO[str]:
    """A lock on the state directory, held until it is closed or this process ends."""
    state.mkdir(parents=True, exist_ok=True)
    file = (state / ".lock").open("w")  # no object's folder: their names begin with a letter
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StateInUseError(f"{state} is used by another run; end it or choose --state-dir") from error
    return file


def end_leftovers(state: Path) -> tuple[int, ...]:
    """End the pods that an earlier run in `state` left running; gives their numbers."""
    ended = []
    for pid_file in sorted(state.glob("*/pods/*.pid")):
        pid = _parse_pid(pid_file)
        if pid is not None and _is_ours(pid, pid_file.parent.parent):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
                ended.append(pid)
            _wait_until_gone(pid, pid_file.parent.parent)
        pid_file.unlink(missing_ok=True)
    return tuple(ended)


def _wait_until_gone(pid: int, folder: Path) -> None:
    # Its ports are free only then.
    deadline = time.monotonic() + _GONE_SECONDS
    while _is_ours(pid, folder) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _parse_pid(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text())
    except (OSError, ValueError):
        return None


def _is_ours(pid: int, folder: Path) -> bool:
    # Numbers are given out again: only a process that reads this object's document is meant, or one
    # that fetches models for it.
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return any(f"{folder}/{part}/".encode() in command for part in ("config", "pods"))
