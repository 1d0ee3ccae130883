import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core import validation
from batchwright_server.core.tensors import ANY, Signature, Tensor, TensorSpec
from batchwright_server.errors import InvalidInput

FLOAT = np.dtype(np.float32)
SIGNATURE = Signature((TensorSpec("a", FLOAT, (1, 2)), TensorSpec("b", FLOAT, (1, ANY, 3))), ())


def inputs(rows: int = 2, other_rows: int | None = None, middle: int = 5) -> dict[str, Tensor]:
    other = rows if other_rows is None else other_rows
    return {"a": np.zeros((rows, 2), np.float32), "b": np.zeros((other, middle, 3), np.float32)}


@given(rows=st.integers(1, 9), middle=st.integers(0, 9))
def test_the_batch_size_is_the_rows_of_all_inputs(rows: int, middle: int) -> None:
    """Valid inputs give their batch size; an open dimension takes any size."""
    assert validation.check_inputs(SIGNATURE, inputs(rows, middle=middle), max_batch_size=9) == rows


@pytest.mark.parametrize("rows", [0, 10])
def test_a_batch_size_out_of_bounds_is_refused(rows: int) -> None:
    """The bounds and the size that came are in the message."""
    with pytest.raises(InvalidInput, match=rf"'a': batch size: expected 1 to 9 samples, got {rows}"):
        validation.check_inputs(SIGNATURE, inputs(rows), max_batch_size=9)


def test_inputs_that_disagree_are_refused() -> None:
    """The input that differs is named."""
    with pytest.raises(
        InvalidInput, match="'b': batch size: expected 2 samples, as in the other inputs, got 3"
    ):
        validation.check_inputs(SIGNATURE, inputs(2, 3), max_batch_size=9)
