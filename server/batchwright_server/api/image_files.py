"""Files of images, read by Pillow: the extra `images`."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[Any]

MOST_PIXELS = 1 << 26  # of an image: a small file may stand for a large one
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # by the number of channels

_FORMATS = ("JPEG", "PNG")
_CHANNELS = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}  # to BGR


class TooLarge(ValueError):
    """More pixels than are decoded; nothing of it was."""


def decode(content: bytes, channels: int) -> Pixels:
    """BGR rows in the image's own size; with 0 channels, one for gray and three for any other.

    Raises TooLarge, or anything for what is no image.
    """
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            size = f"{image.width} x {image.height}"
            raise TooLarge(f"at most {MOST_PIXELS} pixels, got {size}")
        wanted = channels or (1 if image.mode in ("1", "L") else 3)
        rows: Pixels = np.asarray(image.convert(MODES[wanted]))
    bgr: Pixels = rows.reshape(*rows.shape[:2], wanted)[..., _CHANNELS[wanted]]
    return bgr


def resize(image: Pixels, height: int, width: int) -> Pixels:
    """The image in another size, between the four nearest pixels, as OpenCV does it by default."""
    top, bottom, down = _neighbours(image.shape[0], height)
    left, right, across = _neighbours(image.shape[1], width)
    down, across = down[:, None, None], across[None, :, None]
    upper = _mix(image[top][:, left], image[top][:, right], across)
    lower = _mix(image[bottom][:, left], image[bottom][:, right], across)
    resized: Pixels = np.rint(_mix(upper, lower, down)).astype(np.uint8)
    return resized


def _neighbours(size: int, wanted: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    centers = (np.arange(wanted, dtype=np.float32) + 0.5) * np.float32(size / wanted) - 0.5
    centers = centers.clip(0, size - 1)
    first = centers.astype(np.int64)
    return first, np.minimum(first + 1, size - 1), centers - first


def _mix(one: Pixels, other: Pixels, share: NDArray[Any]) -> Pixels:
    mixed: Pixels = one * (1 - share) + other * share
    return mixed
