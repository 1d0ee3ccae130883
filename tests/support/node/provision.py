"""A node with all images that stories name."""

from pathlib import Path

from tests.support.node import imagefile, images
from tests.support.node.onenode import OneNode


def start(node: OneNode, samples: Path) -> None:
    """Start it with the project's images, another name of the server's, and one of the sample models."""
    models = images.folder() / "models.tar"
    imagefile.write_tree(models, samples, images.MODELS)
    node.start([*(image.archive for image in images.IMAGES), models])
    node.tag_image(images.SERVER.reference, images.NEXT_SERVER)
