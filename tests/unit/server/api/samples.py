"""Tensors and descriptions for the tests of the protocols."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from batchwright_server.api import kserve_datatypes
from batchwright_server.core.tensors import Tensor, TensorSpec
from batchwright_server.runtime.dataplane import Description, TensorDescription

dtypes = st.sampled_from(list(kserve_datatypes.DTYPES.values()))
tensors: st.SearchStrategy[Tensor] = dtypes.flatmap(
    lambda dtype: arrays.arrays(
        dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)
finite_tensors: st.SearchStrategy[Tensor] = dtypes.flatmap(
    lambda dtype: arrays.arrays(
        dtype,
        arrays.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4),
        elements=arrays.from_dtype(dtype, allow_nan=False, allow_infinity=False),
    )
)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=4)
)
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def describe(max_batch_size: int = 64, **inputs: tuple[Any, tuple[int, ...]]) -> Description:
    """A model `m` with these inputs (element type and shape), and an output `y` of float32 [-1, 2]."""
    described = [
        TensorDescription(TensorSpec(name, np.dtype(dtype), shape), shape)
        for name, (dtype, shape) in inputs.items()
    ]
    output = TensorDescription(TensorSpec("y", np.dtype(np.float32), (-1, 2)), (-1, 2))
    return Description("m", 3, tuple(described), (output,), max_batch_size)


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal in type, shape and every bit."""
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
