"""OVMS's flags for images in .npy files, and what they say."""

import argparse
import sys
from pathlib import Path

from example_client import flagtypes, frames

_TRUE_FALSE = ("False", "True")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that every classifying client has."""
    add = parser.add_argument
    add("--images_numpy_path", required=True, type=Path, help="npy of [n,h,w,c] or [n,c,h,w]")
    add("--labels_numpy_path", type=Path, help="npy of n class numbers, to judge the answers by")
    add("--labels_path", type=Path, help="names of the classes, one a line; default: labels.txt beside")
    add("--input_name", default="input", help="the model's input")
    add("--output_name", default="resnet_v1_50/predictions/Reshape_1", help="the model's output")
    add("--transpose_input", choices=_TRUE_FALSE, default="True", help="transpose the images")
    orders = [order.value for order in frames.Transpose]
    add("--transpose_method", choices=orders, default="nhwc2nchw", help="how to transpose them")
    add("--iterations", default=0, type=flagtypes.count, help="how many requests; 0: every image once")
    add("--batchsize", default=1, type=flagtypes.positive, help="images in one request")
    add("--model_name", default="resnet", help="the model to ask")


def load_frames(flags: argparse.Namespace) -> frames.Frames:
    """The images that the flags name. Raises ClientError for files that cannot be used."""
    images = frames.load_images(flags.images_numpy_path)
    sys.stdout.write(f"Image data range: {float(images.min())} : {float(images.max())}\n")
    path = flags.labels_numpy_path
    classes = frames.load_classes(path, images) if path else None
    if flags.transpose_input == "True":
        images = frames.transpose(images, frames.Transpose(flags.transpose_method))
    return frames.Frames(images, classes, flags.batchsize)
