"""Numpy arrays and TensorFlow Serving's tensors."""

import math

import numpy as np
from numpy.typing import NDArray

from batchwright_server.protos import tensor_pb2
from example_client import faults

_DTYPES: "dict[tensor_pb2.DataType, type[np.generic]]" = {
    tensor_pb2.DT_FLOAT: np.float32,
    tensor_pb2.DT_DOUBLE: np.float64,
    tensor_pb2.DT_HALF: np.float16,
    tensor_pb2.DT_INT8: np.int8,
    tensor_pb2.DT_INT16: np.int16,
    tensor_pb2.DT_INT32: np.int32,
    tensor_pb2.DT_INT64: np.int64,
    tensor_pb2.DT_UINT8: np.uint8,
    tensor_pb2.DT_UINT16: np.uint16,
    tensor_pb2.DT_UINT32: np.uint32,
    tensor_pb2.DT_UINT64: np.uint64,
    tensor_pb2.DT_BOOL: np.bool_,
}
_ENUMS = {np.dtype(dtype): number for number, dtype in _DTYPES.items()}

# Where a server puts its values when it does not use tensor_content.
_FIELDS = {
    tensor_pb2.DT_FLOAT: "float_val",
    tensor_pb2.DT_DOUBLE: "double_val",
    tensor_pb2.DT_INT64: "int64_val",
    tensor_pb2.DT_UINT32: "uint32_val",
    tensor_pb2.DT_UINT64: "uint64_val",
    tensor_pb2.DT_BOOL: "bool_val",
}


def to_proto(array: NDArray[np.generic]) -> tensor_pb2.TensorProto:
    """The tensor with `array`'s values in `tensor_content`. Raises ClientError for other dtypes."""
    dtype = _ENUMS.get(array.dtype)
    if dtype is None:
        known = ", ".join(str(known) for known in _ENUMS)
        raise faults.ClientError(f"the tensor's dtype is {array.dtype}; expected one of {known}")
    dims = [tensor_pb2.TensorShapeProto.Dim(size=size) for size in array.shape]
    return tensor_pb2.TensorProto(
        dtype=dtype,
        tensor_shape=tensor_pb2.TensorShapeProto(dim=dims),
        tensor_content=array.tobytes(),
    )


def from_proto(tensor: tensor_pb2.TensorProto) -> NDArray[np.generic]:
    """The array in `tensor`, from `tensor_content` or the typed field of its dtype."""
    dtype = _DTYPES.get(tensor.dtype)
    if dtype is None:
        name = tensor_pb2.DataType.Name(tensor.dtype)
        raise faults.ClientError(
            f"the server answered with a tensor of dtype {name}, not one of numbers"
        )
    values = _values(tensor, np.dtype(dtype))
    shape = shape_of(tensor.tensor_shape)
    if len(values) != math.prod(shape):
        raise faults.ClientError(f"the server sent {len(values)} values for the shape {shape}")
    return values.reshape(shape)


def shape_of(shape: tensor_pb2.TensorShapeProto) -> list[int]:
    """The sizes of the dimensions; -1 is any size."""
    return [dim.size for dim in shape.dim]


def _values(tensor: tensor_pb2.TensorProto, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype)
    if tensor.dtype == tensor_pb2.DT_HALF:
        return np.array(tensor.half_val, np.uint16).view(np.float16)
    return np.array(getattr(tensor, _FIELDS.get(tensor.dtype, "int_val")), dtype)
