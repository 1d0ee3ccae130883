"""Reports what a reader of mounted directories sees: a program for a pod, of the standard library alone.

    python volumereport.py DIRECTORY...

Prints a JSON line for a directory whenever what is in it is not what it was. The files are read through
one open directory, as a reader does that wants files of one version.
"""

import json
import os
import sys
import time

_LOOK_SECONDS = 0.002


def observe(directory: str) -> dict[str, object] | None:
    """What `..data` leads to, and the files there with their modes; None if it went meanwhile."""
    try:
        target = os.readlink(os.path.join(directory, "..data"))
        folder = os.open(os.path.join(directory, target), os.O_RDONLY)
    except OSError:
        return None
    try:
        files = {name: read(name, folder) for name in sorted(os.listdir(folder))}
    except OSError:
        return None
    finally:
        os.close(folder)
    seen = sorted(name for name in os.listdir(directory) if not name.startswith(".."))
    return {"directory": directory, "target": target, "files": files, "seen": seen}


def read(name: str, folder: int) -> list[object]:
    """A file's text and its mode."""
    number = os.open(name, os.O_RDONLY, dir_fd=folder)
    with os.fdopen(number) as file:
        return [file.read(), os.fstat(number).st_mode & 0o777]


def main(directories: list[str]) -> None:
    """Report for ever."""
    last: dict[str, object] = {}
    while True:
        for directory in directories:
            found = observe(directory)
            if found is not None and found != last.get(directory):
                last[directory] = found
                sys.stdout.write(json.dumps(found) + "\n")
                sys.stdout.flush()
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
