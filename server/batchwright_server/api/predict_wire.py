"""Predict's messages as they are on the wire, without making protobuf's objects of them.

Making them costs more than a small model does, and copies every tensor twice. What is read here is what
nearly all clients send: tensors in `tensor_content`. Everything else (typed values, strings, labels,
fields unknown here, bytes that are no message) is for protobuf itself, so that nothing is understood
here in another way than there. Source: protobuf's description of its encoding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from batchwright_server.api import tensor_proto
from batchwright_server.core.tensors import TEXT, Tensor, Tensors
from batchwright_server.protos import prediction_service_pb2

_VARINT, _BYTES = 0, 2  # wire types
_LARGEST_INT64 = (1 << 63) - 1
_MOST_HEADERS = 1024  # kept; shapes are few


def _tag(number: int, wire_type: int) -> int:
    return number << 3 | wire_type


_SPEC, _INPUT, _FILTER = _tag(1, _BYTES), _tag(2, _BYTES), _tag(3, _BYTES)
_NAME, _VERSION, _SIGNATURE_NAME = _tag(1, _BYTES), _tag(2, _BYTES), _tag(3, _BYTES)
_KEY, _VALUE = _tag(1, _BYTES), _tag(2, _BYTES)
_NUMBER = _tag(1, _VARINT)
_DTYPE, _SHAPE, _CONTENT = _tag(1, _VARINT), _tag(2, _BYTES), _tag(4, _BYTES)
_DIMENSION, _SIZE = _tag(2, _BYTES), _tag(1, _VARINT)


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request all of whose tensors came in `tensor_content`; they share the message's memory."""

    model: str
    version: int  # 0: the server's choice
    inputs: dict[str, Tensor]
    output_filter: tuple[str, ...]


class _NotPlain(Exception):
    """For protobuf to read."""


def read_request(message: bytes) -> PlainRequest | None:
    """The request; None if protobuf is to read it. Raises InvalidInput for tensors that are none."""
    try:
        spec, raw, output_filter = _read_request(message)
        model, version = _read_spec(message, spec)
    except (_NotPlain, IndexError, UnicodeDecodeError):
        return None
    view = memoryview(message)
    inputs = {
        name: tensor_proto.from_content(name, dtype, shape, view[content])
        for name, (dtype, shape, content) in raw.items()
    }
    return PlainRequest(model, version, inputs, output_filter)


_Raw = tuple[int, tuple[int, ...], slice]  # element type, shape, where the content is


def _read_request(message: bytes) -> tuple[slice, dict[str, _Raw], tuple[str, ...]]:
    spec: slice | None = None
    inputs: dict[str, _Raw] = {}
    output_filter: list[str] = []
    for tag, start, stop in _fields(message, slice(0, len(message))):
        if tag == _INPUT:
            name, raw = _read_entry(message, slice(start, stop))
            inputs[name] = raw
        elif tag == _SPEC and spec is None:
            spec = slice(start, stop)
        elif tag == _FILTER:
            output_filter.append(message[start:stop].decode())
        else:
            raise _NotPlain
    if spec is None:
        raise _NotPlain
    return spec, inputs, tuple(output_filter)


def _read_spec(message: bytes, place: slice) -> tuple[str, int]:
    name, version = "", 0
    for tag, start, stop in _fields(message, place):
        if tag == _NAME:
            name = message[start:stop].decode()
        elif tag == _VERSION:
            for inner, number, _ in _fields(message, slice(start, stop)):
                if inner != _NUMBER:
                    raise _NotPlain
                version = _checked(number)
        elif tag == _SIGNATURE_NAME:
            message[start:stop].decode()
        else:
            raise _NotPlain
    if not name:
        raise _NotPlain
    return name, version


def _read_entry(message: bytes, place: slice) -> tuple[str, _Raw]:
    name: str | None = None
    raw: _Raw | None = None
    for tag, start, stop in _fields(message, place):
        if tag == _KEY and name is None:
            name = message[start:stop].decode()
        elif tag == _VALUE and raw is None:
            raw = _read_tensor(message, slice(start, stop))
        else:
            raise _NotPlain
    if name is None or raw is None:
        raise _NotPlain
    return name, raw


def _read_tensor(message: bytes, place: slice) -> _Raw:
    dtype = 0
    shape: tuple[int, ...] | None = None
    content: slice | None = None
    for tag, start, stop in _fields(message, place):
        if tag == _DTYPE:
            dtype = start
        elif tag == _SHAPE and shape is None:
            shape = _read_shape(message, slice(start, stop))
        elif tag == _CONTENT and content is None and stop > start:
            content = slice(start, stop)
        else:
            raise _NotPlain
    if shape is None or content is None or not tensor_proto.is_numeric(dtype):
        raise _NotPlain
    return dtype, shape, content


def _read_shape(message: bytes, place: slice) -> tuple[int, ...]:
    shape = []
    for tag, start, stop in _fields(message, place):
        if tag != _DIMENSION:
            raise _NotPlain
        size = 0
        for inner, number, _ in _fields(message, slice(start, stop)):
            if inner != _SIZE:
                raise _NotPlain
            size = _checked(number)
        shape.append(size)
    return tuple(shape)


def _checked(number: int) -> int:
    if number > _LARGEST_INT64:  # negative: protobuf and its readers know what to say
        raise _NotPlain
    return number


def _fields(message: bytes, place: slice) -> Iterator[tuple[int, int, int]]:
    """Each field's tag with where its bytes begin and end; of a number, it and 0."""
    at, end = place.start, place.stop
    while at < end:
        tag = message[at]  # numbers up to 15, as all of ours, take one byte
        value, at = _read_varint(message, at + 1)
        if tag & 7 == _BYTES:
            start, at = at, at + value
            yield tag, start, at
        elif tag & 7 == _VARINT and tag < 128:
            yield tag, value, 0
        else:
            raise _NotPlain
    if at != end:
        raise _NotPlain


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    byte = message[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while shift < 64:
        at += 1
        byte = message[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + 1
        shift += 7
    raise _NotPlain


class ResponseWriter:
    """Writes answers: what comes before the data is the same for every answer of a shape."""

    def __init__(self) -> None:
        self._headers: dict[tuple[object, ...], tuple[bytes, ...]] = {}

    def write(self, model: str, version: int, outputs: Tensors) -> bytes:
        """The PredictResponse with these outputs in `tensor_content`, strings in `string_val`."""
        key = (model, version, *((name, each.dtype, each.shape) for name, each in outputs.items()))
        headers = self._headers.get(key)
        if headers is None:
            if any(each.dtype == TEXT for each in outputs.values()):
                return _write_strings(model, version, outputs)
            if len(self._headers) >= _MOST_HEADERS:
                self._headers.clear()
            headers = self._headers[key] = _write_headers(model, version, outputs)
        parts: list[bytes | memoryview] = []
        for header, tensor in zip(headers, outputs.values(), strict=False):
            parts += (header, tensor_proto.to_content(tensor))
        parts.append(headers[-1])
        return b"".join(parts)


def _write_strings(model: str, version: int, outputs: Tensors) -> bytes:
    """By protobuf itself: strings are made of objects anyway."""
    response = prediction_service_pb2.PredictResponse()
    response.model_spec.name = model
    response.model_spec.version.value = version
    for name, tensor in outputs.items():
        response.outputs[name].CopyFrom(tensor_proto.to_proto(tensor))
    return response.SerializeToString()


def _write_headers(model: str, version: int, outputs: Tensors) -> tuple[bytes, ...]:
    headers = [_write_header(name, tensor) for name, tensor in outputs.items()]
    number = bytes([_NUMBER]) + _write_varint(version) if version else b""
    spec = _write_bytes(_NAME, model.encode()) + _write_bytes(_VERSION, number)
    return (*headers, _write_bytes(_tag(2, _BYTES), spec))


def _write_header(name: str, tensor: Tensor) -> bytes:
    """All of an output that comes before its data, which end the entry."""
    dimensions = b"".join(
        _write_bytes(_DIMENSION, bytes([_SIZE]) + _write_varint(size) if size else b"")
        for size in tensor.shape
    )
    described = bytes([_DTYPE]) + _write_varint(int(tensor_proto.to_enum(tensor.dtype)))
    described += _write_bytes(_SHAPE, dimensions)
    if tensor.nbytes:
        described += bytes([_CONTENT]) + _write_varint(tensor.nbytes)
    value = bytes([_VALUE]) + _write_varint(len(described) + tensor.nbytes) + described
    entry = _write_bytes(_KEY, name.encode()) + value
    return bytes([_tag(1, _BYTES)]) + _write_varint(len(entry) + tensor.nbytes) + entry


def _write_bytes(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _write_varint(len(content)) + content


def _write_varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
