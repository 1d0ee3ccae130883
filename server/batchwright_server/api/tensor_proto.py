"""TensorProto to numpy and back, with every encoding the TensorFlow Serving contract allows.

Source: the public TensorProto message: data is in `tensor_content` (little endian, row major) or in the
typed field of its dtype, where a single value stands for all elements. Strings are answered in theirs,
as that is where clients look for them.
"""

import math
import sys
from typing import Any

import numpy as np

from batchwright_server.api import byte_elements, tensor_data
from batchwright_server.core.tensors import TEXT, Tensor
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import tensor_pb2

_DTYPES: "dict[tensor_pb2.DataType, np.dtype[Any]]" = {
    tensor_pb2.DT_FLOAT: np.dtype("<f4"),
    tensor_pb2.DT_DOUBLE: np.dtype("<f8"),
    tensor_pb2.DT_HALF: np.dtype("<f2"),
    tensor_pb2.DT_INT8: np.dtype("<i1"),
    tensor_pb2.DT_INT16: np.dtype("<i2"),
    tensor_pb2.DT_INT32: np.dtype("<i4"),
    tensor_pb2.DT_INT64: np.dtype("<i8"),
    tensor_pb2.DT_UINT8: np.dtype("<u1"),
    tensor_pb2.DT_UINT16: np.dtype("<u2"),
    tensor_pb2.DT_UINT32: np.dtype("<u4"),
    tensor_pb2.DT_UINT64: np.dtype("<u8"),
    tensor_pb2.DT_BOOL: np.dtype("?"),
}
_ENUMS = {dtype: value for value, dtype in _DTYPES.items()}
_BY_NUMBER = {int(value): dtype for value, dtype in _DTYPES.items()}
_TYPED_FIELDS = {
    tensor_pb2.DT_FLOAT: "float_val",
    tensor_pb2.DT_DOUBLE: "double_val",
    tensor_pb2.DT_HALF: "half_val",
    tensor_pb2.DT_INT8: "int_val",
    tensor_pb2.DT_INT16: "int_val",
    tensor_pb2.DT_INT32: "int_val",
    tensor_pb2.DT_INT64: "int64_val",
    tensor_pb2.DT_UINT8: "int_val",
    tensor_pb2.DT_UINT16: "int_val",
    tensor_pb2.DT_UINT32: "uint32_val",
    tensor_pb2.DT_UINT64: "uint64_val",
    tensor_pb2.DT_BOOL: "bool_val",
}


def from_proto(name: str, proto: tensor_pb2.TensorProto) -> Tensor:
    """The tensor in `proto`, input `name`; shares its memory where it can. Raises InvalidInput."""
    dtype = TEXT if is_text(proto) else _DTYPES.get(proto.dtype)
    if dtype is None:
        supported = ", ".join(map(tensor_pb2.DataType.Name, (*_DTYPES, tensor_pb2.DT_STRING)))
        raise InvalidInput(f"input {name!r}: dtype", f"one of {supported}", _dtype_name(proto.dtype))
    shape = tensor_data.check_shape(f"input {name!r}", (dim.size for dim in proto.tensor_shape.dim))
    content = proto.tensor_content
    if dtype == TEXT:
        return _from_strings(f"input {name!r}", proto, shape)
    if content:
        return tensor_data.from_bytes(f"input {name!r}: tensor_content", content, dtype, shape)
    return _from_typed_field(name, proto, dtype, shape)


def from_content(name: str, dtype: int, shape: tuple[int, ...], content: memoryview) -> Tensor:
    """The tensor of input `name` in `content`, whose memory it shares if that is aligned.

    `dtype` is the wire's, one that `is_numeric`. Raises InvalidInput.
    """
    place = f"input {name!r}"
    found = _BY_NUMBER[dtype]
    return tensor_data.from_bytes(
        f"{place}: tensor_content", content, found, tensor_data.check_shape(place, shape)
    )


def is_numeric(dtype: int) -> bool:
    """Whether the wire's element type is one that models have."""
    return dtype in _BY_NUMBER


def to_content(tensor: Tensor) -> bytes | memoryview:
    """The elements of `tensor`, little endian and row major, in its own memory if they are so there."""
    if tensor.flags.c_contiguous and tensor.dtype.isnative and sys.byteorder == "little":
        return tensor.data if tensor.nbytes else b""
    return tensor_data.to_bytes(tensor)


def is_text(proto: tensor_pb2.TensorProto) -> bool:
    """Whether the elements are bytes: strings, or images."""
    return proto.dtype == tensor_pb2.DT_STRING


def to_proto(tensor: Tensor) -> tensor_pb2.TensorProto:
    """`tensor` with its data in `tensor_content`, strings in `string_val`."""
    is_text = tensor.dtype == TEXT
    return tensor_pb2.TensorProto(
        dtype=to_enum(tensor.dtype),
        tensor_shape=shape_to_proto(tensor.shape),
        tensor_content=b"" if is_text else tensor_data.to_bytes(tensor),
        string_val=tensor.ravel().tolist() if is_text else (),
    )


def to_enum(dtype: np.dtype[Any]) -> "tensor_pb2.DataType":
    """The wire's name for an element type; DT_INVALID for one it does not have."""
    if dtype == TEXT:
        return tensor_pb2.DT_STRING
    return _ENUMS.get(dtype, tensor_pb2.DT_INVALID)


def shape_to_proto(shape: tuple[int, ...]) -> tensor_pb2.TensorShapeProto:
    """A shape on the wire; -1 is any size."""
    return tensor_pb2.TensorShapeProto(
        dim=[tensor_pb2.TensorShapeProto.Dim(size=size) for size in shape]
    )


def _from_strings(place: str, proto: tensor_pb2.TensorProto, shape: tuple[int, ...]) -> Tensor:
    if content := proto.tensor_content:
        field = f"{place}: tensor_content"
        elements = byte_elements.split_list(field, content, math.prod(shape))
        return byte_elements.to_tensor(field, elements, shape)
    values, count = proto.string_val, math.prod(shape)
    if len(values) == 1 != count:
        return byte_elements.repeat(f"{place}: string_val", values[0], shape)
    if len(values) != count:
        expected = f"{count} values, or one for all, for string {list(shape)}"
        raise InvalidInput(f"{place}: string_val", expected, f"{len(values)} values")
    return byte_elements.to_tensor(f"{place}: string_val", values, shape)


def _from_typed_field(
    name: str, proto: tensor_pb2.TensorProto, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> Tensor:
    field = _TYPED_FIELDS[proto.dtype]
    place = f"input {name!r}: {field}"
    values = getattr(proto, field)
    elements = math.prod(shape)
    if len(values) not in (elements, 1):
        what = f"{elements} values, or one for all, for {dtype.name} {list(shape)}"
        raise InvalidInput(f"{place} or tensor_content", what, f"{len(values)} values")
    array = _to_array(place, np.array(values), dtype)
    if len(values) == elements:
        return tensor_data.reshape(place, array, shape)
    return tensor_data.repeat(place, array, shape)


def _to_array(place: str, values: Tensor, dtype: np.dtype[Any]) -> Tensor:
    if dtype == np.dtype("<f2"):  # half_val carries the 16 bits of each element as an integer
        return tensor_data.fit(place, values, np.dtype("<u2")).view(dtype)
    return tensor_data.fit(place, values, dtype)


def _dtype_name(value: int) -> str:
    try:
        return tensor_pb2.DataType.Name(value)
    except ValueError:
        return str(value)
