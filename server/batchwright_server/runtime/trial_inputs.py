"""Inputs to try a model with, when no client has sent any."""

import math
from enum import Enum

import numpy as np

from batchwright_server.core.tensors import ANY, TEXT, Signature, Tensor, strings

OPEN_SIZE = 32  # for a dimension that may have any size


class Range(Enum):
    """What values the fractions of a trial have; integers are 0 or 1, which is safe as an index.

    Strings are numerals of one to nine digits, which are words to who wants words.
    """

    UNIT = (0.0, 1.0)
    SIGNED = (-3.0, 3.0)
    PIXELS = (0.0, 255.0)


def make_inputs(signature: Signature, batch_size: int, values: Range = Range.UNIT) -> dict[str, Tensor]:
    """Random inputs of `batch_size` samples, the same at every call. Takes time: not for the loop."""
    random = np.random.default_rng(0)
    inputs = {}
    for spec in signature.inputs:
        shape = [OPEN_SIZE if size == ANY else size for size in spec.with_batch(batch_size)]
        inputs[spec.name] = _draw(random, tuple(shape), spec.dtype, values)
    return inputs


def _draw(
    random: np.random.Generator, shape: tuple[int, ...], dtype: "np.dtype[np.generic]", values: Range
) -> Tensor:
    least, most = values.value
    if dtype == TEXT:
        return _draw_numerals(random, shape)
    if dtype == np.uint8:  # images, as a rule
        return random.integers(0, 256, shape, np.uint8)
    drawn = random.random(shape, np.float32)
    if not np.issubdtype(dtype, np.floating):
        return drawn.round().astype(dtype)
    drawn *= most - least
    drawn += least
    return drawn.astype(dtype, copy=False)


def _draw_numerals(random: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    lengths = random.integers(1, 10, math.prod(shape)).tolist()
    return strings([b"%d" % random.integers(10**length) for length in lengths]).reshape(shape)
