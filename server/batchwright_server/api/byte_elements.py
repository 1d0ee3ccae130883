"""Elements of KServe's datatype BYTES."""

import math
from collections.abc import Sequence

from batchwright_server.errors import InvalidInput


def split(field: str, content: bytes | memoryview) -> list[bytes]:
    """The elements in raw contents, each after its length (4 bytes, little endian).

    Raises InvalidInput.
    """
    elements, begin = [], 0
    while begin < len(content):
        end = begin + 4 + int.from_bytes(content[begin : begin + 4], "little")
        if end > len(content) or len(content) - begin < 4:
            raise InvalidInput(
                field, "elements that each follow their length of 4 bytes", "an end too early"
            )
        elements.append(bytes(content[begin + 4 : end]))
        begin = end
    return elements


def check_count(field: str, elements: Sequence[bytes], shape: tuple[int, ...]) -> Sequence[bytes]:
    """`elements`, of which there must be as many as `shape` has. Raises InvalidInput."""
    if len(elements) != math.prod(shape):
        expected = f"{math.prod(shape)} elements for {list(shape)}"
        raise InvalidInput(field, expected, str(len(elements)))
    return elements
