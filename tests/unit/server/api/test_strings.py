"""Strings by every protocol: what goes in comes out, whatever its bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.api import (
    byte_inputs,
    json_tensors,
    kserve_documents,
    kserve_json,
    kserve_tensors,
    predict_wire,
    tensor_proto,
    tfs_json,
)
from batchwright_server.core.tensors import TEXT, Tensor, strings
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import grpc_predict_v2_pb2 as messages
from batchwright_server.protos import prediction_service_pb2, tensor_pb2
from tests.unit.server.api import samples

MODEL = samples.describe(s=(TEXT, (-1, -1)))
BYTES_OF = byte_inputs.ByteInputs(MODEL)

anything = st.binary(max_size=6) | st.text(max_size=4).map(str.encode) | st.just(b"\0")


@st.composite
def string_tensors(draw: st.DrawFn) -> Tensor:
    """Some rows of some strings."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    elements = draw(st.lists(anything, min_size=rows * columns, max_size=rows * columns))
    return strings(elements).reshape(rows, columns)


def equal(one: Tensor, other: Tensor) -> bool:
    return (one.dtype, one.shape, one.tolist()) == (other.dtype, other.shape, other.tolist())


@given(tensor=string_tensors())
def test_tensorflows_gRPC(tensor: Tensor) -> None:  # noqa: N802  a name of its own
    """Strings are in `string_val` of DT_STRING, in requests and in answers."""
    proto = tensor_proto.to_proto(tensor)
    written = predict_wire.ResponseWriter().write("m", 3, {"s": tensor})
    answer = prediction_service_pb2.PredictResponse.FromString(written)

    assert proto.dtype == tensor_pb2.DT_STRING
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("m", 3)
    assert answer.outputs["s"] == proto
    assert equal(tensor_proto.from_proto("s", proto), tensor)


@given(tensor=string_tensors(), raw=st.booleans())
def test_kserves_gRPC(tensor: Tensor, raw: bool) -> None:  # noqa: N802
    """Strings are BYTES, raw or in `bytes_contents`; answers are raw."""
    response = messages.ModelInferResponse()
    kserve_tensors.to_response({"s": tensor}, response)
    request = messages.ModelInferRequest(model_name="m")
    asked = request.inputs.add(
        name="s", datatype=response.outputs[0].datatype, shape=response.outputs[0].shape
    )
    if raw:
        request.raw_input_contents.extend(response.raw_output_contents)
    else:
        asked.contents.bytes_contents.extend(tensor.ravel().tolist())

    assert asked.datatype == "BYTES"
    assert equal(kserve_tensors.from_request(request, BYTES_OF)["s"], tensor)


@given(tensor=string_tensors(), binary=st.booleans())
def test_kserves_json_and_binary_extension(tensor: Tensor, binary: bool) -> None:
    """An answer, raw or as JSON, can be sent as a request."""
    asked = kserve_json.InferRequest("", {}, (), {"s": binary}, binary_by_default=False)
    answer = kserve_json.render_answer({}, {"s": tensor}, asked)
    length = answer.json_length or len(answer.body)
    document = json.loads(answer.body[:length])
    body = json.dumps({"inputs": document["outputs"]}).encode()

    again = kserve_json.parse_request(body + answer.body[length:], len(body), BYTES_OF)

    assert document["outputs"][0]["datatype"] == "BYTES"
    assert equal(again.inputs["s"], tensor)


@given(
    tensor=string_tensors(),
    layout=st.sampled_from(tfs_json.Layout),
    suffix=st.sampled_from(["", "_bytes"]),
)
def test_tensorflows_json(tensor: Tensor, layout: tfs_json.Layout, suffix: str) -> None:
    """An answer can be sent as a request, in rows and in columns, whatever the output's name."""
    answer = json.loads(tfs_json.render_answer(layout, {"s" + suffix: tensor}))
    value = answer["predictions" if layout is tfs_json.Layout.ROWS else "outputs"]

    _, inputs = tfs_json.parse_request(json.dumps({layout.value: value}).encode(), MODEL)

    assert equal(inputs["s"], tensor)


def test_bytes_are_told_from_texts_in_json() -> None:
    """UTF-8 is text; other bytes, and all of an output whose name ends in `_bytes`, are base64."""
    tensor = strings([b"\xc3\xa9", b"\xff"])

    plain = json.loads(tfs_json.render_answer(tfs_json.Layout.ROWS, {"s": tensor}))
    binary = json.loads(tfs_json.render_answer(tfs_json.Layout.ROWS, {"s_bytes": tensor}))

    assert plain == {"predictions": ["é", {"b64": "/w=="}]}
    assert binary == {"predictions": [{"b64": "w6k="}, {"b64": "/w=="}]}


def test_outputs_of_strings_and_numbers_share_rows() -> None:
    """A prediction has each output's value of its row."""
    outputs = {"s": strings([b"a", b"b"]), "n": strings([b"1", b"2"]).astype("i8")}

    rows = json.loads(tfs_json.render_answer(tfs_json.Layout.ROWS, outputs))

    assert rows == {"predictions": [{"s": "a", "n": 1}, {"s": "b", "n": 2}]}


@pytest.mark.parametrize("value", [1, None, True, {"b65": "aa"}, {"b64": 1}, {"b64": "a"}])
def test_json_that_is_no_string_is_refused(value: Any) -> None:
    """The refusal names the input and what it wants."""
    with pytest.raises(InvalidInput, match=r"input 's'.*: expected (texts, or|base64 text)"):
        tfs_json.parse_request(json.dumps({"instances": [["a", value]]}).encode(), MODEL)


def test_a_wrong_number_of_strings_is_told() -> None:
    """By each protocol, with the field, what was expected and what came."""
    proto = tensor_pb2.TensorProto(dtype=tensor_pb2.DT_STRING, string_val=[b"a", b"b"])
    proto.tensor_shape.dim.add(size=3)
    request = messages.ModelInferRequest()
    asked = request.inputs.add(name="s", datatype="BYTES", shape=[3])
    asked.contents.bytes_contents.extend([b"a", b"b"])
    document = {"inputs": [{"name": "s", "datatype": "BYTES", "shape": [3], "data": ["a", "b"]}]}

    with pytest.raises(InvalidInput, match=r"^input 's': string_val: expected 3 values.*got 2 values$"):
        tensor_proto.from_proto("s", proto)
    expected = r"^input 's': contents.bytes_contents: expected 3 elements for \[3\], got 2$"
    with pytest.raises(InvalidInput, match=expected):
        kserve_tensors.from_request(request, BYTES_OF)
    with pytest.raises(
        InvalidInput, match=r"^input 's': data: expected 3 values for string.*got 2 values$"
    ):
        kserve_json.parse_request(json.dumps(document).encode(), None, BYTES_OF)


def test_what_the_first_bytes_look_like_does_not_matter() -> None:
    """A string that begins as an image does is a string where the model takes strings."""
    tensor = strings([b"\xff\xd8\xff\0\0"])
    raw = b"\5\0\0\0\xff\xd8\xff\0\0"
    document = {
        "inputs": [
            {
                "name": "s",
                "datatype": "BYTES",
                "shape": [1],
                "parameters": {"binary_data_size": len(raw)},
            }
        ]
    }
    body = json.dumps(document).encode()

    assert equal(kserve_json.parse_request(body + raw, len(body), BYTES_OF).inputs["s"], tensor)
    encoded = json_tensors.to_nested_text(tensor)
    _, inputs = tfs_json.parse_request(json.dumps({"instances": encoded}).encode(), MODEL)
    assert equal(inputs["s"], tensor)


def test_descriptions_name_strings_as_clients_know_them() -> None:
    """BYTES in metadata, TYPE_STRING in a configuration, DT_STRING for TensorFlow."""
    config = kserve_documents.describe_config(MODEL)

    assert kserve_documents.describe_model(MODEL, ())["inputs"][0]["datatype"] == "BYTES"
    assert config["input"][0]["data_type"] == "TYPE_STRING"
    assert tensor_proto.to_enum(TEXT) == tensor_pb2.DT_STRING


def test_an_input_that_is_not_there_is_told() -> None:
    """Bytes for an unknown input are refused with the names that are known."""
    with pytest.raises(InvalidInput, match=r"names of the model's inputs \['s'\], got 'q'"):
        BYTES_OF.read("q", [b""], (1,))
