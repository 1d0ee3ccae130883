"""Predict's messages on the wire, against protobuf's own reading and writing of them."""

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.api import predict_wire, tensor_proto
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import prediction_service_pb2, tensor_pb2

_NAMES = st.text(min_size=1, max_size=20)
_DTYPES = st.sampled_from(["f4", "f8", "f2", "i1", "i8", "u1", "u4", "?"]).map(np.dtype)
_SHAPES = st.lists(st.integers(1, 4), max_size=4).map(tuple)
_VERSIONS = st.integers(0, 2**63 - 1)


@st.composite
def tensors(draw: st.DrawFn) -> np.ndarray:
    """A tensor of any element type whose bytes are all different."""
    dtype, shape = draw(_DTYPES), draw(_SHAPES)
    return (np.arange(np.prod(shape, dtype=int)) % 100).astype(dtype).reshape(shape)


@st.composite
def requests(draw: st.DrawFn) -> prediction_service_pb2.PredictRequest:
    """A request as clients send it."""
    inputs = draw(st.dictionaries(_NAMES, tensors(), max_size=3))
    request = prediction_service_pb2.PredictRequest(
        inputs={name: tensor_proto.to_proto(tensor) for name, tensor in inputs.items()},
        output_filter=draw(st.lists(_NAMES, max_size=2)),
    )
    request.model_spec.name = draw(_NAMES)
    request.model_spec.signature_name = draw(st.sampled_from(["", "serving_default"]))
    if draw(st.booleans()):
        request.model_spec.version.value = draw(_VERSIONS)
    return request


@given(requests())
def test_what_clients_send_is_read_as_protobuf_reads_it(
    request: prediction_service_pb2.PredictRequest,
) -> None:
    """Names, version, filter and every element are the same, and nothing is left to protobuf."""
    plain = predict_wire.read_request(request.SerializeToString())

    assert plain is not None
    _assert_same(plain, request)


@given(requests(), st.data())
def test_bytes_that_are_cut_or_changed_are_never_read_in_another_way(
    request: prediction_service_pb2.PredictRequest, data: st.DataObject
) -> None:
    """Where they are still read here, protobuf reads the same; a fault is a fault of the tensor."""
    message = bytearray(request.SerializeToString())
    at = data.draw(st.integers(0, len(message) - 1))
    if data.draw(st.booleans()):
        del message[at : at + data.draw(st.integers(1, 4))]
    else:
        message[at] = data.draw(st.integers(0, 255))

    try:
        plain = predict_wire.read_request(bytes(message))
    except InvalidInput:
        return
    if plain is not None:
        _assert_same(plain, prediction_service_pb2.PredictRequest.FromString(bytes(message)))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_protobuf_reads_them_or_not_at_all(message: bytes) -> None:
    """No bytes end in any other failure than a tensor's."""
    try:
        plain = predict_wire.read_request(message)
    except InvalidInput:
        return
    if plain is not None:
        _assert_same(plain, prediction_service_pb2.PredictRequest.FromString(message))


def _typed() -> tensor_pb2.TensorProto:
    return tensor_pb2.TensorProto(dtype=tensor_pb2.DT_FLOAT, float_val=[1.0])


def _negative() -> tensor_pb2.TensorProto:
    proto = tensor_proto.to_proto(np.zeros((1, 1), np.float32))
    proto.tensor_shape.dim[0].size = -1
    return proto


@pytest.mark.parametrize("proto", [_typed(), _negative(), tensor_pb2.TensorProto()], ids=range(3))
def test_what_is_not_plain_is_left_to_protobuf(proto: tensor_pb2.TensorProto) -> None:
    """Typed values, negative sizes and empty tensors are not read here."""
    request = prediction_service_pb2.PredictRequest(inputs={"x": proto})
    request.model_spec.name = "m"

    assert predict_wire.read_request(request.SerializeToString()) is None


def test_a_model_asked_for_by_a_label_is_left_to_protobuf() -> None:
    """Whoever reads the label says that there are none."""
    request = prediction_service_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.model_spec.version_label = "stable"

    assert predict_wire.read_request(request.SerializeToString()) is None


@given(_NAMES, _VERSIONS, st.lists(st.dictionaries(_NAMES, tensors(), max_size=3), min_size=1))
def test_an_answer_is_what_protobuf_would_write(
    model: str, version: int, answers: list[dict[str, np.ndarray]]
) -> None:
    """Protobuf reads every answer of one writer as the outputs that were given."""
    writer = predict_wire.ResponseWriter()
    for outputs in answers:
        response = prediction_service_pb2.PredictResponse.FromString(
            writer.write(model, version, outputs)
        )

        assert (response.model_spec.name, response.model_spec.version.value) == (model, version)
        assert response.model_spec.HasField("version")
        assert set(response.outputs) == set(outputs)
        for name, tensor in outputs.items():
            assert response.outputs[name] == tensor_proto.to_proto(tensor)


def test_a_tensor_in_other_order_is_written_row_by_row() -> None:
    """A view with strides of its own arrives in its rows."""
    tensor = np.arange(6, dtype=np.float32).reshape(2, 3).T
    message = predict_wire.ResponseWriter().write("m", 1, {"y": tensor})

    found = prediction_service_pb2.PredictResponse.FromString(message).outputs["y"]
    np.testing.assert_array_equal(tensor_proto.from_proto("y", found), tensor)


def test_an_empty_output_is_written() -> None:
    """A tensor without elements has a shape and no content."""
    message = predict_wire.ResponseWriter().write("m", 1, {"y": np.zeros((0, 3), np.float32)})

    found = prediction_service_pb2.PredictResponse.FromString(message).outputs["y"]
    assert [dim.size for dim in found.tensor_shape.dim] == [0, 3]
    assert found.tensor_content == b""


def _assert_same(
    plain: predict_wire.PlainRequest, request: prediction_service_pb2.PredictRequest
) -> None:
    spec = request.model_spec
    assert (plain.model, plain.version) == (spec.name, spec.version.value)
    assert plain.output_filter == tuple(request.output_filter)
    assert set(plain.inputs) == set(request.inputs)
    for name, proto in request.inputs.items():
        expected = tensor_proto.from_proto(name, proto)
        assert plain.inputs[name].dtype == expected.dtype
        np.testing.assert_array_equal(plain.inputs[name], expected)


def test_bytes_that_protobuf_refuses_are_not_plain() -> None:
    """A name that is no text is no name here either."""
    message = b"\x0a\x03\x0a\x01\xff"
    with pytest.raises(DecodeError):
        prediction_service_pb2.PredictRequest.FromString(message)

    assert predict_wire.read_request(message) is None
