import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.api import byte_elements
from batchwright_server.core.tensors import strings
from batchwright_server.errors import InvalidInput

element_lists = st.lists(st.binary(max_size=9), max_size=5)
HUGE = 1 << 40


def in_a_list(elements: list[bytes]) -> bytes:
    """As TensorFlow writes short strings into `tensor_content`."""
    return bytes(map(len, elements)) + b"".join(elements)


@given(elements=element_lists)
def test_elements_are_split_by_their_lengths(elements: list[bytes]) -> None:
    """They come back as they were joined, byte for byte."""
    content = byte_elements.join(strings(elements))

    assert byte_elements.split("x", content, len(elements)) == elements
    assert byte_elements.split_list("x", in_a_list(elements), len(elements)) == elements


@given(elements=element_lists.filter(bool), data=st.data())
def test_contents_cut_short_or_too_long_are_refused(elements: list[bytes], data: st.DataObject) -> None:
    """Wherever raw contents end too early, and whatever is behind them, the input is named."""
    whole = byte_elements.join(strings(elements)), in_a_list(elements)
    for split, content in zip((byte_elements.split, byte_elements.split_list), whole, strict=True):
        cut = data.draw(st.integers(0, len(content) - 1))
        for wrong in (content[:cut], content + b"\0"):
            with pytest.raises(InvalidInput, match=r"^x.*: expected .*, got \d"):
                split("x", wrong, len(elements))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\2\0\0", "^x: expected 1 elements that each follow their length of 4 bytes, got 3 bytes$"),
        (b"\2\0\0\0a", "^x: element 0: expected 2 bytes, as its length says, got 1 bytes$"),
        (b"\xff\xff\xff\xffa", "^x: element 0: expected 4294967295 bytes, as its length.*got 1 bytes$"),
        (b"\1\0\0\0a\1", "^x: expected nothing behind the 1 elements.*got 1 bytes more$"),
    ],
)
def test_a_length_that_lies_is_told(content: bytes, message: str) -> None:
    """The refusal says which element, what its length promised and what came."""
    with pytest.raises(InvalidInput, match=message):
        byte_elements.split("x", content, 1)


def test_a_length_without_an_end_is_told() -> None:
    """The second of two elements has the first four bytes of the other's text for a length."""
    with pytest.raises(InvalidInput, match=r"^x: element 1: expected a length of 4 bytes, got 2 bytes$"):
        byte_elements.split("x", b"\2\0\0\0ab\0\0", 2)
    with pytest.raises(InvalidInput, match=r"^x: element 1: expected a length of at most 5 bytes"):
        byte_elements.split_list("x", b"\1" + b"\xff" * 9, 2)


def test_nothing_is_taken_for_elements_that_did_not_come() -> None:
    """A shape of a million million strings, or one of such a length, costs no memory."""
    tracemalloc.start()
    for split in (byte_elements.split, byte_elements.split_list):
        with pytest.raises(InvalidInput):
            split("x", b"\0" * 8, HUGE)
    with pytest.raises(InvalidInput):
        byte_elements.split("x", b"\xff\xff\xff\x7f", 1)
    with pytest.raises(InvalidInput, match="at most 61680 elements from one value"):
        byte_elements.repeat("x", b"a" * 1080, (HUGE,))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 1 << 20


@given(element=st.binary(max_size=5), shape=st.lists(st.integers(0, 4), max_size=3))
def test_one_string_stands_for_all(element: bytes, shape: list[int]) -> None:
    """Repeated, it is in every place of the shape."""
    tensor = byte_elements.repeat("x", element, tuple(shape))

    assert tensor.shape == tuple(shape)
    assert tensor.ravel().tolist() == [element] * math.prod(shape)


def test_as_many_elements_as_the_shape_has() -> None:
    """Any other number is refused with both."""
    tensor = byte_elements.to_tensor("x", [b"a", b"b\0"], (2, 1))

    assert np.array_equal(tensor, strings([b"a", b"b\0"]).reshape(2, 1))
    with pytest.raises(InvalidInput, match=r"^x: expected 3 elements for \[3\], got 2$"):
        byte_elements.to_tensor("x", [b"a", b"b"], (3,))
