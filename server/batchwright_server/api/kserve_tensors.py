"""The tensors of a KServe v2 gRPC request, and of its answer.

Source: the protocol's page: data is raw (`raw_input_contents`, one for each input) or in the field of
its datatype (`contents`), never both; answers are raw.
"""

import math
from collections.abc import Mapping, Sequence

from batchwright_server.api import byte_elements, kserve_datatypes, limits, tensor_data
from batchwright_server.api.byte_inputs import ByteInputs
from batchwright_server.core.tensors import TEXT, Tensor
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import grpc_predict_v2_pb2

_Input = grpc_predict_v2_pb2.ModelInferRequest.InferInputTensor

_TYPED_FIELDS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}


def has_bytes(request: grpc_predict_v2_pb2.ModelInferRequest) -> bool:
    """Whether an input is bytes: strings, or images."""
    return any(tensor.datatype == kserve_datatypes.BYTES for tensor in request.inputs)


def from_request(
    request: grpc_predict_v2_pb2.ModelInferRequest, bytes_of: ByteInputs | None = None
) -> dict[str, Tensor]:
    """The inputs by name; raw ones share the request's memory. Raises InvalidInput."""
    limits.check_count("inputs", request.inputs)
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        expected = f"one for each of {len(request.inputs)} inputs"
        raise InvalidInput("raw_input_contents", expected, str(len(raw)))
    tensors: dict[str, Tensor] = {}
    for index, tensor in enumerate(request.inputs):
        if "shared_memory_region" in tensor.parameters:
            raise InvalidInput(
                f"input {tensor.name!r}", "data, as shared memory is not served", "a region"
            )
        if tensor.name in tensors:
            raise InvalidInput("inputs", "each input once", f"{tensor.name!r} more than once")
        content = raw[index] if raw else None
        if bytes_of and tensor.datatype == kserve_datatypes.BYTES:
            tensors[tensor.name] = _from_bytes(tensor, content, bytes_of)
        else:
            tensors[tensor.name] = (
                _from_contents(tensor) if content is None else _from_raw(tensor, content)
            )
    return tensors


def wanted_outputs(request: grpc_predict_v2_pb2.ModelInferRequest) -> tuple[str, ...]:
    """The names of the outputs asked for; none: all. Raises InvalidInput for what is not served."""
    limits.check_count("outputs", request.outputs)
    for output in request.outputs:
        for unserved in ("shared_memory_region", "classification"):
            if unserved in output.parameters:
                raise InvalidInput(f"output {output.name!r}", f"no {unserved}: it is not served", "one")
    return tuple(output.name for output in request.outputs)


def to_response(tensors: Mapping[str, Tensor], response: grpc_predict_v2_pb2.ModelInferResponse) -> None:
    """Add the outputs to `response`, their data raw."""
    for name, tensor in tensors.items():
        datatype = kserve_datatypes.to_name(tensor.dtype)
        response.outputs.add(name=name, datatype=datatype, shape=tensor.shape)
        is_text = tensor.dtype == TEXT
        raw = byte_elements.join(tensor) if is_text else tensor_data.to_bytes(tensor)
        response.raw_output_contents.append(raw)


def _from_bytes(tensor: _Input, content: bytes | None, bytes_of: ByteInputs) -> Tensor:
    field = f"input {tensor.name!r}"
    shape = tensor_data.check_shape(field, tensor.shape)
    elements: Sequence[bytes] = tensor.contents.bytes_contents
    if content is None:
        byte_elements.check_count(f"{field}: contents.bytes_contents", elements, shape)
    elif tensor.HasField("contents"):
        raise InvalidInput(field, "contents or raw_input_contents", "both")
    else:
        raw = f"{field}: raw_input_contents"
        elements = byte_elements.split(raw, content, math.prod(shape))
    return bytes_of.read(tensor.name, elements, shape)


def _from_raw(tensor: _Input, content: bytes) -> Tensor:
    field = f"input {tensor.name!r}"
    if tensor.HasField("contents"):
        raise InvalidInput(field, "contents or raw_input_contents", "both")
    dtype = kserve_datatypes.parse_datatype(field, tensor.datatype)
    shape = tensor_data.check_shape(field, tensor.shape)
    return tensor_data.from_bytes(f"{field}: raw_input_contents", content, dtype, shape)


def _from_contents(tensor: _Input) -> Tensor:
    field = f"input {tensor.name!r}"
    dtype = kserve_datatypes.parse_datatype(field, tensor.datatype)
    typed = _TYPED_FIELDS.get(tensor.datatype)
    if typed is None:
        raise InvalidInput(field, f"{tensor.datatype} in raw_input_contents", "contents")
    shape = tensor_data.check_shape(field, tensor.shape)
    values = getattr(tensor.contents, typed)
    return tensor_data.from_values(f"{field}: contents.{typed}", values, dtype, shape)
