"""Joins a control group, then becomes a command: `python -S joining.py PROCS_FILE COMMAND...`."""

import os
import sys
from pathlib import Path


def main(procs: str, *command: str) -> None:
    """Join, and become the command."""
    Path(procs).write_text(str(os.getpid()))
    os.execvp(command[0], command)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
