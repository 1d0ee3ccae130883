"""`python -m tests.support.node images|up|down`: the images, and a node of Kubernetes to try them on."""

import argparse
import sys
import time

from tests.support.node import images
from tests.support.node.buildah import BuildFailed
from tests.support.node.requirements import Unfit


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.node", description=__doc__)
    parser.add_argument("what", choices=["images"])
    parser.parse_args()
    try:
        images.make(say)
    except (Unfit, BuildFailed, images.TooLarge) as error:
        say(str(error))
        return 1
    for image in images.IMAGES:
        say(f"there: {image.archive} {image.archive.stat().st_size / images.MEGABYTE:.0f} MB")
    return 0


def say(text: str) -> None:
    """A line of progress with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
