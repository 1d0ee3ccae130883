"""A model whose answer is the digit that the first pixel of an image names, and such images."""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

CLASSES = 10
PIXELS = (3, 4, 4)


def build() -> ov.Model:
    """Scores `1463` [1, 10] of images `0` [1, 3, 4, 4]: higher the closer the pixel is to the digit."""
    images = ops.parameter([1, *PIXELS], np.float32, name="0")
    images.output(0).set_names({"0"})
    flat = ops.reshape(images, ops.constant(np.array([0, -1])), special_zero=True)
    first = ops.slice(flat, *(ops.constant(np.array([number])) for number in (0, 1, 1, 1)))
    digits = ops.constant(np.arange(CLASSES, dtype=np.float32).reshape(1, -1))
    scores = ops.negative(ops.squared_difference(first, digits))
    scores.output(0).set_names({"1463"})
    return ov.Model([ops.result(scores)], [images], "digits")


def save_images(folder: Path) -> list[str]:
    """Flags for ten images, one of each digit, and the tensors' names."""
    pixels = np.zeros((CLASSES, *PIXELS), np.float32)
    pixels[:, 0, 0, 0] = np.arange(CLASSES)
    pixels[:, 1] = 255.0  # so that the clients leave the values as they are
    np.save(folder / "imgs.npy", pixels)
    np.save(folder / "lbs.npy", np.arange(CLASSES))
    files = ("--images_numpy_path", folder / "imgs.npy", "--labels_numpy_path", folder / "lbs.npy")
    names = ("--input_name", "0", "--output_name", "1463", "--transpose_input", "False")
    return [str(part) for part in (*files, *names)]
