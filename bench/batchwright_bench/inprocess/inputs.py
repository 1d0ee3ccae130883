"""Values for a model's inputs: images, .npy files, or random ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from batchwright_bench.inprocess.model import Compiled, Unfit
from batchwright_bench.load import arrays
from batchwright_bench.load.arrays import Values

_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
_PICTURE_RANK = 4


def make(compiled: Compiled, files: Sequence[Path], seed: int = 0) -> list[dict[int, Values]]:
    """For each turn, the values of each input by its index. Raises Unfit for files that do not do."""
    random = np.random.default_rng(seed)
    ports = compiled.model.inputs
    if files and len(ports) != 1:
        raise Unfit(f"-i needs a model of one input; it has {len(ports)}")
    turns = []
    for number, shapes in enumerate(compiled.shapes):
        values = {}
        for index, shape in shapes.items():
            dtype = np.dtype(ports[index].get_element_type().to_dtype())
            values[index] = (
                _read(files, shape, dtype, number) if files else _random(random, shape, dtype)
            )
        turns.append(values)
    return turns


def _random(random: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Values:
    if np.issubdtype(dtype, np.floating):
        return np.asarray(random.random(shape), dtype)
    return np.asarray(random.integers(0, 2 if dtype == np.bool_ else 100, shape), dtype)


def _read(files: Sequence[Path], shape: tuple[int, ...], dtype: np.dtype[Any], turn: int) -> Values:
    """As many samples as the shape's batch, from the files and again from the first."""
    if any(file.suffix.lower() == ".npy" for file in files):
        rows = _rows(files, shape)
        return rows[(np.arange(shape[0]) + turn * shape[0]) % len(rows)].astype(dtype)
    chosen = [files[(number + turn * shape[0]) % len(files)] for number in range(shape[0])]
    return np.stack([_picture(file, shape) for file in chosen]).astype(dtype)


def _rows(files: Sequence[Path], shape: tuple[int, ...]) -> Values:
    found = []
    for file in files:
        try:
            with file.open("rb") as opened:
                array = arrays.read_rows(opened)
        except (OSError, arrays.InvalidArray) as error:
            raise Unfit(f"-i: {file}: {error}") from error
        if array.shape[1:] != shape[1:]:
            expected, got = list(shape[1:]), list(array.shape[1:])
            raise Unfit(f"-i: {file}: expected samples of {expected}, got {got}")
        found.append(array)
    return np.concatenate(found)


def _picture(file: Path, shape: tuple[int, ...]) -> Values:
    """A picture in the model's size, blue first as OpenCV has it."""
    is_planar = len(shape) == _PICTURE_RANK and shape[1] in _CHANNELS
    if not is_planar and not (len(shape) == _PICTURE_RANK and shape[3] in _CHANNELS):
        raise Unfit(f"-i: {file} is a picture, and the model takes {list(shape)}; give a .npy file")
    channels, height, width = shape[1:] if is_planar else (shape[3], shape[1], shape[2])
    try:
        from PIL import Image  # noqa: PLC0415 (only for who has pictures)
    except ImportError as error:
        raise Unfit("-i: pictures need Pillow: pip install 'batchwright[images]'") from error
    try:
        with Image.open(file) as picture:
            fitting = picture.convert(_CHANNELS[channels]).resize((width, height))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Unfit(f"-i: {file}: expected a picture or a .npy file: {error}") from error
    pixels = np.array(fitting, np.uint8).reshape(height, width, channels)
    if channels > 1:
        pixels[..., :3] = pixels[..., 2::-1]
    return pixels.transpose(2, 0, 1) if is_planar else pixels
