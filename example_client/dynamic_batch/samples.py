"""Files as the samples of a batch: pictures, and .npy files of samples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from example_client import faults

_CHANNELS = (1, 3, 4)
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_PICTURE_RANK = 3

Sample = NDArray[np.generic]


def load(
    files: Sequence[Path], shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> NDArray[np.generic]:
    """The samples (n, …) of all files, each of `shape`. Raises ClientError for what does not fit."""
    found = [sample for file in files for sample in _read(file, shape)]
    return np.stack(found).astype(dtype)


def _read(file: Path, shape: tuple[int, ...]) -> list[Sample]:
    if file.suffix != ".npy":
        return [_picture(file, shape)]
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise faults.ClientError(f"cannot read {file}: {error}") from error
    if array.shape[1:] != shape or len(array) == 0:
        wanted = f"samples of shape {list(shape)}, with their number before it"
        raise faults.ClientError(f"{file}: expected {wanted}, found {list(array.shape)}")
    return list(array)


def _picture(file: Path, shape: tuple[int, ...]) -> Sample:
    """A picture in the size of the model and in the order of channels that OpenCV has: blue first."""
    is_planar = len(shape) == _PICTURE_RANK and shape[0] in _CHANNELS
    if not is_planar and not (len(shape) == _PICTURE_RANK and shape[2] in _CHANNELS):
        raise faults.ClientError(
            f"{file}: the model takes samples of shape {list(shape)}, no pictures; give a .npy file"
        )
    channels, height, width = shape if is_planar else (shape[2], shape[0], shape[1])
    pixels = _decode(file, channels, (width, height))
    if channels > 1:
        pixels[..., :3] = pixels[..., 2::-1]
    return pixels.transpose(2, 0, 1) if is_planar else pixels


def _decode(file: Path, channels: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    try:
        from PIL import Image  # noqa: PLC0415 (only for who has pictures)
    except ImportError as error:
        raise faults.ClientError(f"{file}: pictures need Pillow: pip install pillow") from error
    try:
        with Image.open(file) as picture:
            fitting = picture.convert(_MODES[channels]).resize(size)
    except OSError as error:
        raise faults.ClientError(f"cannot read {file}: {error}") from error
    return np.array(fitting, np.uint8).reshape(size[1], size[0], channels)
