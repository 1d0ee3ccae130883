"""Rows of samples in `.npy` files."""

import math
import tokenize
import warnings
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

Values = NDArray[np.generic]

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_NUMBERS = "biuf"  # kinds of element types: no text, no objects, no records
# What numpy's reader of headers lets out for text that is no header.
_FAULTS = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    SyntaxError,
    tokenize.TokenError,
    RecursionError,
    MemoryError,
    OverflowError,
)


class InvalidArray(ValueError):
    """The message says what was expected and what came."""


def read_rows(file: BinaryIO) -> Values:
    """The array of an opened `.npy` file: numbers, at least one row. Raises InvalidArray."""
    shape, dtype = _read_header(file)
    if dtype.kind not in _NUMBERS:
        raise InvalidArray(f"element type: expected numbers, got {dtype}")
    if not shape or min(shape) < 1:
        raise InvalidArray(f"shape: expected at least one sample, got {list(shape)}")
    begin = file.tell()
    has, wanted = file.seek(0, 2) - begin, math.prod(shape) * dtype.itemsize
    if has != wanted:
        raise InvalidArray(f"values: expected {wanted} bytes for the shape {list(shape)}, got {has}")
    file.seek(0)
    with warnings.catch_warnings(action="ignore"):  # that Python 2 wrote it
        found: Values = npy.read_array(file, allow_pickle=False)
    return found


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    try:
        with warnings.catch_warnings(action="ignore"):
            shape, _, dtype = _HEADERS[npy.read_magic(file)](file)
    except _FAULTS as error:
        raise InvalidArray("header: expected a .npy file with one array of numbers") from error
    return shape, dtype
