"""Element types as both protocols name them, and values for requests."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchwright_server.protos import tensor_pb2

Values = NDArray[np.generic]


class Unusable(ValueError):
    """What was asked for cannot be measured; the message says why."""


@dataclass(frozen=True)
class Port:
    """An input of the served model; -1 is any size."""

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]


_NAMES: tuple[tuple[type[np.generic], "tensor_pb2.DataType", str], ...] = (
    (np.float32, tensor_pb2.DT_FLOAT, "FP32"),
    (np.float64, tensor_pb2.DT_DOUBLE, "FP64"),
    (np.float16, tensor_pb2.DT_HALF, "FP16"),
    (np.int8, tensor_pb2.DT_INT8, "INT8"),
    (np.int16, tensor_pb2.DT_INT16, "INT16"),
    (np.int32, tensor_pb2.DT_INT32, "INT32"),
    (np.int64, tensor_pb2.DT_INT64, "INT64"),
    (np.uint8, tensor_pb2.DT_UINT8, "UINT8"),
    (np.uint16, tensor_pb2.DT_UINT16, "UINT16"),
    (np.uint32, tensor_pb2.DT_UINT32, "UINT32"),
    (np.uint64, tensor_pb2.DT_UINT64, "UINT64"),
    (np.bool_, tensor_pb2.DT_BOOL, "BOOL"),
)


def to_tensorflow(dtype: np.dtype[np.generic]) -> "tensor_pb2.DataType":
    """TensorFlow's number for an element type."""
    return next(number for known, number, _ in _NAMES if dtype == known)


def to_kserve(dtype: np.dtype[np.generic]) -> str:
    """KServe's name for an element type."""
    return next(name for known, _, name in _NAMES if dtype == known)


def from_tensorflow(number: "tensor_pb2.DataType") -> np.dtype[np.generic]:
    """The element type of TensorFlow's number. Raises Unusable for one that is not of numbers."""
    for known, found, _ in _NAMES:
        if found == number:
            return np.dtype(known)
    raise Unusable(f"inputs of type {tensor_pb2.DataType.Name(number)} cannot be made up")


def from_kserve(name: str) -> np.dtype[np.generic]:
    """The element type of KServe's name. Raises Unusable for one that is not of numbers."""
    for known, _, found in _NAMES:
        if found == name:
            return np.dtype(known)
    raise Unusable(f"inputs of type {name} cannot be made up")


_LARGEST_MESSAGE = 2**31 - 2**16  # protobuf's own limit, and room for names
_MOST_BYTES = 4 * 2**30


def check_bytes(ports: Iterable[Port], sizes: Sequence[int], given: Values | None) -> None:
    """Raises Unusable where no message has room for a request, or requests would fill the memory.

    Requests of all sizes are made before the run, so that making them is in no latency.
    """
    sample = sum(
        port.dtype.itemsize * math.prod(port.shape[1:] if given is None else given.shape[1:])
        for port in ports
        if port.shape
    )
    if sample * max(sizes) > _LARGEST_MESSAGE:
        raise Unusable(
            f"a batch of {max(sizes)} takes {sample * max(sizes)} bytes; a message has at most "
            f"{_LARGEST_MESSAGE}: ask for smaller batch sizes"
        )
    if sample * sum(sizes) > _MOST_BYTES:
        raise Unusable(
            f"requests of {len(sizes)} batch sizes take {sample * sum(sizes)} bytes together, more than "
            f"{_MOST_BYTES}: ask for fewer or smaller batch sizes"
        )


def make_up(port: Port, batch_size: int, given: Values | None, random: np.random.Generator) -> Values:
    """A batch for `port`: rows of `given`, again from the first when they are used up, or random values.

    Raises Unusable where a shape has other dimensions of any size, or `given` does not fit.
    """
    if given is not None:
        _check(port, given)
        return given[np.arange(batch_size) % len(given)].astype(port.dtype)
    if any(size < 0 for size in port.shape[1:]):
        raise Unusable(f"input {port.name} has the shape {list(port.shape)}; give values with -i")
    shape = (batch_size, *port.shape[1:]) if port.shape else ()
    if np.issubdtype(port.dtype, np.floating):
        return random.random(shape).astype(port.dtype)
    return random.integers(0, 2 if port.dtype == np.bool_ else 100, shape).astype(port.dtype)


def _check(port: Port, given: Values) -> None:
    wanted = port.shape[1:]
    fits = len(given) > 0 and len(wanted) == given.ndim - 1
    if not fits or any(size not in (-1, has) for size, has in zip(wanted, given.shape[1:], strict=True)):
        has = f"the values have {list(given.shape)}"
        raise Unusable(f"input {port.name} takes samples of shape {list(wanted)}, {has}")
