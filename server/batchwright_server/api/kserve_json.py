"""A KServe v2 inference over HTTP: its JSON, with the binary extension, to a request and back.

Source: the protocol's page and its binary tensor data extension: the JSON comes first, as many bytes as
the header `Inference-Header-Content-Length` says, then the raw data of each input whose parameter
`binary_data_size` says how much of it there is, in the order of the inputs; the answer likewise.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from batchwright_server.api import (
    byte_elements,
    deadlines,
    json_fields,
    json_tensors,
    kserve_datatypes,
    limits,
    tensor_data,
)
from batchwright_server.api.byte_inputs import ByteInputs
from batchwright_server.api.images import is_image
from batchwright_server.api.json_fields import Json
from batchwright_server.core.tensors import TEXT, Tensor
from batchwright_server.errors import InvalidInput


@dataclass(frozen=True)
class InferRequest:
    """What was asked: `binary_outputs` says of each output whether it is wanted raw."""

    id: str
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]  # none: all
    binary_outputs: Mapping[str, bool]
    binary_by_default: bool
    timeout: object = None  # the parameter as it came


@dataclass(frozen=True)
class Answer:
    """A body; `json_length` is 0 unless raw data follows the JSON."""

    body: bytes
    json_length: int


def parse_request(
    body: bytes, json_length: int | None, bytes_of: ByteInputs | None = None
) -> InferRequest:
    """The request in `body`, `json_length` bytes (None: all) of it JSON. Raises InvalidInput."""
    length = len(body) if json_length is None else json_length
    if not 0 <= length <= len(body):
        expected = f"at most the body's {len(body)} bytes"
        raise InvalidInput("Inference-Header-Content-Length", expected, str(length))
    content = memoryview(body)
    document = json_fields.parse_object("body", content[:length])
    parameters = json_fields.object_at(document, "parameters")
    outputs = _named(document, "outputs")
    wishes = {name: _wants_binary(name, item) for name, item in outputs.items()}
    return InferRequest(
        id=json_fields.text_at(document, "id"),
        inputs=_parse_inputs(_named(document, "inputs"), content[length:], bytes_of),
        outputs=tuple(outputs),
        binary_outputs={name: wish for name, wish in wishes.items() if wish is not None},
        binary_by_default=json_fields.flag_at(parameters, "binary_data_output") or False,
        timeout=parameters.get(deadlines.PARAMETER),
    )


def render_answer(document: Json, outputs: Mapping[str, Tensor], request: InferRequest) -> Answer:
    """`document` with the outputs, each as JSON or raw as the request wants it."""
    described, raw = [], []
    for name, tensor in outputs.items():
        item: Json = {
            "name": name,
            "datatype": kserve_datatypes.to_name(tensor.dtype),
            "shape": list(tensor.shape),
        }
        if request.binary_outputs.get(name, request.binary_by_default):
            raw.append(_to_raw(tensor))
            item["parameters"] = {"binary_data_size": len(raw[-1])}
        elif tensor.dtype == TEXT:
            item["data"] = json_tensors.to_nested_text(tensor.ravel())
        else:
            item["data"] = np.ascontiguousarray(tensor).ravel()
        described.append(item)
    header = orjson.dumps(document | {"outputs": described}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Answer(b"".join([header, *raw]), len(header) if raw else 0)


def _parse_inputs(
    inputs: dict[str, Json], binary: memoryview, bytes_of: ByteInputs | None
) -> dict[str, Tensor]:
    tensors, begin = {}, 0
    for name, item in inputs.items():
        field = f"input {name!r}"
        size = _binary_size(field, item)
        if size is None and "data" not in item and binary:  # as OVMS: what follows from the shape
            size = _implied_size(field, item, len(binary) if len(inputs) == 1 else 0)
        if size is None:
            tensors[name] = _from_json(field, item)
            continue
        content = binary[begin : begin + size]
        begin += size
        if bytes_of and item.get("datatype") == kserve_datatypes.BYTES:
            tensors[name] = _from_elements(name, item, content, bytes_of)
            continue
        dtype = kserve_datatypes.parse_datatype(field, item.get("datatype"))
        shape = _shape(field, item)
        tensors[name] = tensor_data.from_bytes(f"{field}: binary data", content, dtype, shape)
    if begin != len(binary):
        raise InvalidInput("body", f"{begin} bytes of binary data after the JSON", str(len(binary)))
    return tensors


def _implied_size(field: str, item: Json, whole: int) -> int | None:
    """How much of the binary data is the input's, which does not say so itself; None: unknown."""
    if item.get("datatype") == kserve_datatypes.BYTES:
        return whole or None
    dtype = kserve_datatypes.parse_datatype(field, item.get("datatype"))
    return math.prod(_shape(field, item)) * dtype.itemsize


def _from_elements(name: str, item: Json, content: memoryview, bytes_of: ByteInputs) -> Tensor:
    field = f"input {name!r}: binary data"
    shape = _shape(f"input {name!r}", item)
    if is_image(content) and not bytes_of.takes_text(name):  # a single one needs no length
        elements: Sequence[bytes] = byte_elements.check_count(field, [bytes(content)], shape)
    else:
        elements = byte_elements.split(field, content, math.prod(shape))
    return bytes_of.read(name, elements, shape)


def _to_raw(tensor: Tensor) -> bytes:
    return byte_elements.join(tensor) if tensor.dtype == TEXT else tensor_data.to_bytes(tensor)


def _from_json(field: str, item: Json) -> Tensor:
    if "data" not in item:
        raise InvalidInput(field, "data, or the parameter binary_data_size", "neither")
    is_text = item.get("datatype") == kserve_datatypes.BYTES
    dtype = TEXT if is_text else kserve_datatypes.parse_datatype(field, item.get("datatype"))
    return json_tensors.from_elements(f"{field}: data", item["data"], dtype, _shape(field, item))


def _shape(field: str, item: Json) -> tuple[int, ...]:
    sizes = item.get("shape")
    if not isinstance(sizes, list) or not all(type(size) is int for size in sizes):
        raise InvalidInput(f"{field}: shape", "an array of whole numbers", json_fields.tell(sizes))
    return tensor_data.check_shape(field, sizes)


def _binary_size(field: str, item: Json) -> int | None:
    parameters = json_fields.object_at(item, "parameters")
    _refuse_shared_memory(field, parameters)
    size = parameters.get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0):
        raise InvalidInput(f"{field}: binary_data_size", "a number of bytes", json_fields.tell(size))
    if size is not None and "data" in item:
        raise InvalidInput(field, "data or binary_data_size", "both")
    return size


def _wants_binary(name: str, item: Json) -> bool | None:
    parameters = json_fields.object_at(item, "parameters")
    _refuse_shared_memory(f"output {name!r}", parameters)
    if parameters.get("classification"):
        raise InvalidInput(f"output {name!r}", "no classification, which is not served", "one")
    return json_fields.flag_at(parameters, "binary_data")


def _refuse_shared_memory(field: str, parameters: Json) -> None:
    if "shared_memory_region" in parameters:
        raise InvalidInput(field, "data in the message, as shared memory is not served", "a region")


def _named(document: Json, key: str) -> dict[str, Json]:
    items = json_fields.check_array(key, document.get(key, []))
    limits.check_count(key, items)
    named: dict[str, Json] = {}
    for index, item in enumerate(items):
        name = json_fields.text_at(json_fields.check_object(f"{key}[{index}]", item), "name")
        if not name or name in named:
            raise InvalidInput(f"{key}[{index}].name", "a name of its own", repr(name))
        named[name] = item
    return named
