import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from batchwright_server.api import tensor_proto
from batchwright_server.core.tensors import Tensor
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import tensor_pb2

tensors = st.sampled_from(list(tensor_proto._ENUMS)).flatmap(
    lambda dtype: arrays.arrays(
        dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)


@given(tensor=tensors)
def test_every_tensor_comes_back_as_it_was(tensor: Tensor) -> None:
    """Any dtype and shape survives the way to the wire and back, bit for bit."""
    again = tensor_proto.from_proto("x", tensor_proto.to_proto(tensor))

    assert again.dtype == tensor.dtype
    assert again.shape == tensor.shape
    assert again.tobytes() == tensor.tobytes()


@given(tensor=tensors)
def test_typed_fields_mean_the_same_as_tensor_content(tensor: Tensor) -> None:
    """Clients that fill the typed field of the dtype are understood."""
    proto = tensor_pb2.TensorProto(
        dtype=tensor_proto.to_enum(tensor.dtype), tensor_shape=tensor_proto.shape_to_proto(tensor.shape)
    )
    plain = tensor.view("<u2") if tensor.dtype == np.float16 and tensor.ndim else tensor
    if tensor.dtype == np.float16 and not tensor.ndim:
        plain = tensor.reshape(1).view("<u2")
    getattr(proto, tensor_proto._TYPED_FIELDS[proto.dtype]).extend(plain.ravel().tolist())

    assert tensor_proto.from_proto("x", proto).tobytes() == tensor.tobytes()


def test_one_typed_value_stands_for_all() -> None:
    """As in the public contract, a single value fills the whole shape."""
    shape = tensor_proto.shape_to_proto((2, 3))
    proto = tensor_pb2.TensorProto(dtype=tensor_pb2.DT_INT64, tensor_shape=shape, int64_val=[7])

    np.testing.assert_array_equal(tensor_proto.from_proto("x", proto), np.full((2, 3), 7))


def test_a_value_that_does_not_fit_its_dtype_is_refused() -> None:
    """A number too large for the element type is an error, not another number."""
    shape = tensor_proto.shape_to_proto((1,))
    proto = tensor_pb2.TensorProto(dtype=tensor_pb2.DT_UINT8, tensor_shape=shape, int_val=[300])

    with pytest.raises(InvalidInput, match="'x': int_val: expected values that fit uint8"):
        tensor_proto.from_proto("x", proto)


@given(
    content=st.binary(max_size=40),
    dtype=st.integers(-1, 130),
    shape=st.lists(st.integers(-3, 2**62), max_size=4),
    values=st.lists(st.floats(), max_size=3),
)
def test_whatever_comes_is_a_tensor_or_a_clear_refusal(
    content: bytes, dtype: int, shape: list[int], values: list[float]
) -> None:
    """No combination of fields leads to anything but a tensor of that shape or InvalidInput."""
    proto = tensor_pb2.TensorProto(
        tensor_content=content, tensor_shape=tensor_proto.shape_to_proto(tuple(shape))
    )
    proto.dtype = dtype  # type: ignore[assignment]  # an open enum: any number may come
    proto.float_val.extend(values)

    try:
        tensor = tensor_proto.from_proto("x", proto)
    except InvalidInput:
        return

    assert list(tensor.shape) == shape
