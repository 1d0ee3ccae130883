"""Tensors from the bytes or the values that a message carries, whatever its protocol.

Every function takes the `field` a fault is reported under, and raises InvalidInput for anything that is
not exactly a tensor of the shape and element type announced. Memory is taken only for data that came.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from batchwright_server.api import limits
from batchwright_server.core.tensors import Tensor, name_dtype
from batchwright_server.errors import InvalidInput


def check_shape(field: str, sizes: Iterable[int]) -> tuple[int, ...]:
    """The shape with these sizes, not too many and none of them negative."""
    shape = limits.check_rank(field, sizes)
    if any(size < 0 for size in shape):
        raise InvalidInput(f"{field}: shape", "sizes of 0 or more", str(list(shape)))
    return shape


def from_bytes(
    field: str, content: bytes | memoryview, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> Tensor:
    """The tensor in `content`, little endian and row major; shares its memory if that is aligned."""
    expected = math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        what = f"{expected} bytes for {dtype.name} {list(shape)}"
        raise InvalidInput(field, what, f"{len(content)} bytes")
    flat = np.frombuffer(content, dtype)
    return reshape(field, flat if flat.flags.aligned else flat.copy(), shape)


def from_values(
    field: str, values: Sequence[Any], dtype: np.dtype[Any], shape: tuple[int, ...]
) -> Tensor:
    """The tensor with these elements in row-major order, each of which must fit `dtype`."""
    check_count(field, len(values), dtype, shape)
    return reshape(field, fit(field, np.array(values), dtype), shape)


def fit(field: str, values: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """`values` as `dtype`; a whole number that does not fit it is refused."""
    if dtype.kind in "iu" and values.size:
        limits = np.iinfo(dtype)
        if values.min() < limits.min or values.max() > limits.max:
            what = f"values that fit {dtype.name}"
            raise InvalidInput(field, what, f"{values.min()} to {values.max()}")
    return values.astype(dtype)


def reshape(field: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`tensor` in `shape`, which must have as many elements."""
    check_count(field, tensor.size, tensor.dtype, shape)
    try:
        return tensor.reshape(shape)
    except ValueError as error:  # too many dimensions, or sizes beyond any memory beside a size of 0
        raise _not_addressable(field, shape) from error


def check_count(field: str, count: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Raise InvalidInput unless `shape` has `count` elements."""
    if count != math.prod(shape):
        what = f"{math.prod(shape)} values for {name_dtype(dtype)} {list(shape)}"
        raise InvalidInput(field, what, f"{count} values")


def repeat(field: str, value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The one element of `value` all over `shape`, as a view that takes no memory.

    What computes with it may take all of its memory, so that there is a bound to it.
    """
    if math.prod(shape) * value.itemsize > limits.MAX_REPEATED_BYTES:
        what = f"at most {limits.MAX_REPEATED_BYTES} bytes of one value for all, or every value"
        raise InvalidInput(field, what, f"one value for {value.dtype.name} {list(shape)}")
    try:
        return np.broadcast_to(value.reshape(()), shape)
    except ValueError as error:
        raise _not_addressable(field, shape) from error


def to_bytes(tensor: Tensor) -> bytes:
    """The elements of `tensor`, little endian and row major."""
    return tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes()


def _not_addressable(field: str, shape: tuple[int, ...]) -> InvalidInput:
    return InvalidInput(f"{field}: shape", "dimensions and sizes that memory can hold", str(list(shape)))
