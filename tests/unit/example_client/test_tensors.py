import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from batchwright_server.protos import tensor_pb2
from example_client import faults, tensors

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]


@given(st.data(), st.sampled_from(DTYPES))
def test_round_trip(data: st.DataObject, dtype: str) -> None:
    """An array comes back from its tensor with its dtype, shape and bits."""
    shape = data.draw(arrays.array_shapes(max_dims=4, max_side=4))
    array = data.draw(arrays.arrays(dtype, shape))

    back = tensors.from_proto(tensors.to_proto(array))

    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_typed_fields_are_read() -> None:
    """A server may answer in the typed field of the dtype instead of in tensor_content."""
    shape = tensor_pb2.TensorShapeProto(dim=[tensor_pb2.TensorShapeProto.Dim(size=2)])
    floats = tensor_pb2.TensorProto(dtype=tensor_pb2.DT_FLOAT, tensor_shape=shape, float_val=[0.5, 2.0])
    bytes_ = tensor_pb2.TensorProto(dtype=tensor_pb2.DT_UINT8, tensor_shape=shape, int_val=[1, 255])
    halves = tensor_pb2.TensorProto(dtype=tensor_pb2.DT_HALF, tensor_shape=shape, half_val=[0x3C00, 0])

    assert tensors.from_proto(floats).tolist() == [0.5, 2.0]
    assert tensors.from_proto(bytes_).tolist() == [1, 255]
    assert tensors.from_proto(halves).tolist() == [1.0, 0.0]


def test_missing_values_are_an_error() -> None:
    """Fewer values than the shape has is an error that tells both."""
    shape = tensor_pb2.TensorShapeProto(dim=[tensor_pb2.TensorShapeProto.Dim(size=3)])
    tensor = tensor_pb2.TensorProto(dtype=tensor_pb2.DT_FLOAT, tensor_shape=shape, float_val=[1.0])

    with pytest.raises(faults.ClientError, match=r"1 values for the shape \[3\]"):
        tensors.from_proto(tensor)


def test_other_dtypes_are_refused() -> None:
    """An array that is not of numbers is an error that names its dtype."""
    with pytest.raises(faults.ClientError, match="complex128"):
        tensors.to_proto(np.zeros(1, np.complex128))
