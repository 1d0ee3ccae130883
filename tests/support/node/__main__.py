"""`python -m tests.support.node images|models-image|up|down`: images, and a node to try them on.

`models-image` writes an image of the sample models to build/models.tar, for clusters of others.
"""

import argparse
import signal
import sys
import time

from tests.support.cluster.binaries import BinariesMissing
from tests.support.node import imagefile, images, onenode, programs, provision
from tests.support.node.buildah import BuildFailed
from tests.support.node.requirements import Unfit

_SAMPLES = images.ROOT / "build" / "models"  # by `make models`


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.node", description=__doc__)
    parser.add_argument("what", choices=["images", "models-image", "up", "down"])
    steps = {
        "images": show_images,
        "models-image": write_models_image,
        "up": hold_node,
        "down": onenode.remove_leftovers,
    }
    try:
        steps[parser.parse_args().what]()
    except (Unfit, BinariesMissing, BuildFailed, images.TooLarge) as error:
        say(str(error))
        return 1
    return 0


def show_images() -> None:
    """Make the images, and say where they are."""
    images.make(say)
    for image in images.IMAGES:
        say(f"there: {image.archive} {image.archive.stat().st_size / images.MEGABYTE:.0f} MB")


def write_models_image() -> None:
    """An image of the sample models, which `make models` makes."""
    archive = images.ROOT / "build" / "models.tar"
    imagefile.write_tree(archive, _SAMPLES, images.MODELS)
    say(f"there: {archive}")


def hold_node() -> None:
    """A node with the images, until it is interrupted."""
    images.make(say)
    node = onenode.OneNode(programs.find_or_build(say), say)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        provision.start(node, _SAMPLES)
        say(f"up; KUBECONFIG={node.kubeconfig} until this program is interrupted")
        signal.pause()
    except KeyboardInterrupt:
        say("going down")
    finally:
        node.stop()


def say(text: str) -> None:
    """A line of progress with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
