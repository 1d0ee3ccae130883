"""Runs a command that is killed when the thread which started it ends, however that ends.

A program of its own (`python -S leash.py PARENT COMMAND...`) instead of code between fork and exec:
that is not safe with threads. The command takes over this process, and with it the number.
"""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)


def main(parent: str, *command: str) -> None:
    """Bind this process to its parent, then become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != int(parent):  # it ended before it could be bound to
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
