import base64
import contextlib
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.api import json_tensors
from batchwright_server.core.tensors import Tensor
from batchwright_server.errors import InvalidInput
from tests.unit.server.api import samples


@given(tensor=samples.finite_tensors)
def test_every_tensor_comes_back_as_it_was(tensor: Tensor) -> None:
    """Written as nested JSON arrays and read again, a tensor is the same, every number of it."""
    text = orjson.dumps(tensor.tolist())

    again = json_tensors.from_nested("x", orjson.loads(text), tensor.dtype)

    assert again.dtype == tensor.dtype
    np.testing.assert_array_equal(again, tensor)


@given(tensor=samples.finite_tensors)
def test_flat_elements_take_the_shape_that_is_told(tensor: Tensor) -> None:
    """Data may be nested or one flat array, as the protocol has it."""
    for data in (tensor.tolist(), tensor.ravel().tolist()):
        again = json_tensors.from_elements("x", data, tensor.dtype, tensor.shape)
        np.testing.assert_array_equal(again, tensor)


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        ([1, "2"], "f4", "expected numbers for float32, got a string"),
        ([1, None], "f4", "expected numbers for float32, got null"),
        ([1, True], "f4", "expected numbers for float32, got a boolean"),
        ([1, 2.5], "i4", "expected whole numbers for int32, got a number with a fraction"),
        ([1, 0], "?", "expected true or false for bool, got a whole number"),
        ([1, 300], "u1", "expected values that fit uint8"),
        ([1e300], "f4", "expected values that fit float32"),
        ([[1, 2], [3]], "f4", "expected arrays of equal lengths"),
        ([[1, 2], 3], "f4", "expected arrays of equal lengths"),
        ([{"b64": "AA=="}, 1], "u1", "whole numbers for uint8, got an object"),
    ],
)
def test_what_is_no_such_tensor_is_told(value: Any, dtype: str, message: str) -> None:
    """Nothing is converted silently: no string, boolean, fraction or number that does not fit."""
    with pytest.raises(InvalidInput, match=message):
        json_tensors.from_nested("x", value, np.dtype(dtype))


@given(tensor=samples.finite_tensors)
def test_base64_is_the_raw_data_of_each_sample(tensor: Tensor) -> None:
    """Rows sent as bytes are the same rows."""
    rows = [{"b64": base64.b64encode(row.tobytes()).decode()} for row in tensor]

    again = json_tensors.from_raw(
        "x", json_tensors.decode_base64("x", rows), tensor.dtype, tensor.shape[1:]
    )

    assert samples.same(again, tensor)


@pytest.mark.parametrize("text", ["AA=", "é", 5, None, "AAAA"])
def test_base64_that_is_none_is_told(text: object) -> None:
    """What is not base64, or not the bytes of a sample, is refused."""

    def read() -> None:
        contents = json_tensors.decode_base64("x", [{"b64": text}])
        json_tensors.from_raw("x", contents, np.dtype("<f4"), (1,))

    with pytest.raises(InvalidInput, match="x: b64: expected"):
        read()


@given(
    value=samples.json_values, dtype=samples.dtypes, shape=st.lists(st.integers(0, 2**62), max_size=3)
)
def test_whatever_comes_is_a_tensor_or_a_clear_refusal(
    value: Any, dtype: np.dtype[Any], shape: list[int]
) -> None:
    """No JSON value leads to anything but a tensor of that type or InvalidInput."""
    with contextlib.suppress(InvalidInput):
        assert json_tensors.from_nested("x", value, dtype).dtype == dtype
    with contextlib.suppress(InvalidInput):
        assert list(json_tensors.from_elements("x", value, dtype, tuple(shape)).shape) == shape


def test_deep_nesting_is_refused() -> None:
    """More dimensions than there are is a refusal, not an overflow of the stack."""
    value: Any = 1
    for _ in range(5000):
        value = [value]

    with pytest.raises(InvalidInput, match="at most 32 dimensions, got more"):
        json_tensors.from_nested("x", value, np.dtype("<f4"))
