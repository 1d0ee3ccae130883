"""`python -m tests.support.cluster build` makes the programs of the tests' control plane."""

import argparse
import sys
import time

from tests.support.cluster import binaries


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.cluster", description=__doc__)
    parser.add_argument("what", choices=["build"])
    parser.parse_args()
    try:
        found = binaries.find_or_build(say)
    except binaries.BinariesMissing as error:
        say(str(error))
        return 1
    say(f"there: {', '.join(str(path) for path in found.paths.values())}")
    return 0


def say(text: str) -> None:
    """A line of progress with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
