"""Elements of any length: strings, or images, as messages carry them."""

import math
from collections.abc import Sequence

from batchwright_server.api import limits, tensor_data
from batchwright_server.core.tensors import Tensor, strings
from batchwright_server.errors import InvalidInput

_LENGTH_BYTES = 4
_VARINT_BYTES = 5
_REFERENCE_BYTES = 8  # at least, of memory that an element takes beside its own bytes


def split(field: str, content: bytes | memoryview, count: int) -> list[bytes]:
    """The `count` elements in raw contents, each after its length (4 bytes, little endian).

    Memory is taken for what came, whatever is announced. Raises InvalidInput.
    """
    if count * _LENGTH_BYTES > len(content):
        expected = f"{count} elements that each follow their length of {_LENGTH_BYTES} bytes"
        raise InvalidInput(field, expected, f"{len(content)} bytes")
    elements, begin = [], 0
    for index in range(count):
        begin, end = begin + _LENGTH_BYTES, _end(f"{field}: element {index}", content, begin)
        elements.append(bytes(content[begin:end]))
        begin = end
    if begin != len(content):
        expected = f"nothing behind the {count} elements that the shape has"
        raise InvalidInput(field, expected, f"{len(content) - begin} bytes more")
    return elements


def join(tensor: Tensor) -> bytes:
    """Raw contents: each element after its length (4 bytes, little endian)."""
    return b"".join(_with_length(element) for element in tensor.flat)


def split_list(field: str, content: bytes, count: int) -> list[bytes]:
    """The `count` elements in a `tensor_content`: all lengths as varints, then all elements.

    Source: how TensorFlow writes strings there. Raises InvalidInput.
    """
    if count > len(content):
        raise InvalidInput(field, f"the lengths of {count} elements", f"{len(content)} bytes")
    lengths, begin = [], 0
    for index in range(count):
        length, begin = _read_varint(f"{field}: element {index}", content, begin)
        lengths.append(length)
    if sum(lengths) != len(content) - begin:
        expected = f"{sum(lengths)} bytes of elements, as their lengths say"
        raise InvalidInput(field, expected, f"{len(content) - begin}")
    ends = [begin := begin + length for length in lengths]
    return [content[end - length : end] for length, end in zip(lengths, ends, strict=True)]


def check_count(field: str, elements: Sequence[bytes], shape: tuple[int, ...]) -> Sequence[bytes]:
    """`elements`, of which there must be as many as `shape` has. Raises InvalidInput."""
    if len(elements) != math.prod(shape):
        expected = f"{math.prod(shape)} elements for {list(shape)}"
        raise InvalidInput(field, expected, str(len(elements)))
    return elements


def to_tensor(field: str, elements: Sequence[bytes], shape: tuple[int, ...]) -> Tensor:
    """The tensor of strings with these elements. Raises InvalidInput."""
    check_count(field, elements, shape)
    return tensor_data.reshape(field, strings(elements), shape)


def repeat(field: str, element: bytes, shape: tuple[int, ...]) -> Tensor:
    """One string all over `shape`, within the bound for one value for all. Raises InvalidInput."""
    most = limits.MAX_REPEATED_BYTES // (_REFERENCE_BYTES + len(element))
    if math.prod(shape) > most:
        expected = f"at most {most} elements from one value, or every value"
        raise InvalidInput(field, expected, f"one value for {list(shape)}")
    return tensor_data.repeat(field, strings([element]), shape)


def _end(field: str, content: bytes | memoryview, begin: int) -> int:
    """Where the element ends whose length is at `begin`."""
    behind = begin + _LENGTH_BYTES
    if behind > len(content):
        expected = f"a length of {_LENGTH_BYTES} bytes"
        raise InvalidInput(field, expected, f"{len(content) - begin} bytes")
    length = int.from_bytes(content[begin:behind], "little")
    if length > len(content) - behind:
        expected = f"{length} bytes, as its length says"
        raise InvalidInput(field, expected, f"{len(content) - behind} bytes")
    return behind + length


def _with_length(element: bytes) -> bytes:
    return len(element).to_bytes(_LENGTH_BYTES, "little") + element


def _read_varint(field: str, content: bytes, begin: int) -> tuple[int, int]:
    """A number of 32 bits and where it ends."""
    value = 0
    for index, byte in enumerate(content[begin : begin + _VARINT_BYTES]):
        value |= (byte & 127) << (7 * index)
        if byte < 128:
            return value, begin + index + 1
    raise InvalidInput(field, f"a length of at most {_VARINT_BYTES} bytes", "no end of it")
