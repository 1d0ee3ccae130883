from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.api import kserve_datatypes, kserve_json
from batchwright_server.core.tensors import Tensor
from batchwright_server.errors import InvalidInput
from tests.unit.server.api import samples


def body_of(document: dict[str, Any], *raw: bytes) -> tuple[bytes, int]:
    text = orjson.dumps(document)
    return text + b"".join(raw), len(text)


def input_of(tensor: Tensor, **more: Any) -> dict[str, Any]:
    datatype = kserve_datatypes.to_name(tensor.dtype)
    return {"name": "x", "datatype": datatype, "shape": list(tensor.shape)} | more


@given(tensor=samples.tensors, space=st.integers(0, 7))
def test_binary_tensors_are_read_wherever_they_begin(tensor: Tensor, space: int) -> None:
    """Raw data after the JSON is the tensor bit for bit, aligned or not."""
    size = {"binary_data_size": tensor.nbytes}
    body, length = body_of(
        {"id": " " * space, "inputs": [input_of(tensor, parameters=size)]}, tensor.tobytes()
    )

    asked = kserve_json.parse_request(body, length)

    assert samples.same(asked.inputs["x"], tensor)
    assert asked.inputs["x"].flags.aligned


@given(tensor=samples.finite_tensors, binary=st.booleans())
def test_an_answer_holds_its_tensors_in_json_or_raw(tensor: Tensor, binary: bool) -> None:
    """An answer, sent as a request, gives the same tensor."""
    wish = {"inputs": [], "outputs": [{"name": "x", "parameters": {"binary_data": binary}}]}
    asked = kserve_json.parse_request(orjson.dumps(wish), None)

    answer = kserve_json.render_answer({"model_name": "m"}, {"x": tensor}, asked)

    assert bool(answer.json_length) == binary
    document = orjson.loads(answer.body[: answer.json_length or None])
    again, length = body_of(
        {"inputs": document["outputs"]}, answer.body[answer.json_length or len(answer.body) :]
    )
    np.testing.assert_array_equal(kserve_json.parse_request(again, length).inputs["x"], tensor)


def test_outputs_are_raw_where_asked_and_by_default() -> None:
    """An output's own wish goes before the request's."""
    wish = {
        "parameters": {"binary_data_output": True},
        "outputs": [{"name": "a"}, {"name": "b", "parameters": {"binary_data": False}}],
    }
    asked = kserve_json.parse_request(orjson.dumps(wish), None)
    tensor = np.ones((1, 2), np.float32)

    answer = kserve_json.render_answer({}, {"a": tensor, "b": tensor}, asked)
    a, b = orjson.loads(answer.body[: answer.json_length])["outputs"]

    assert asked.outputs == ("a", "b")
    assert (a["parameters"], "data" in a) == ({"binary_data_size": 8}, False)
    assert b["data"] == [1.0, 1.0]
    assert answer.body[answer.json_length :] == tensor.tobytes()


X = np.zeros((1, 2), np.float32)
REFUSED = [
    ({"inputs": [input_of(X)]}, b"", "input 'x': expected data, or the parameter binary_data_size"),
    (
        {"inputs": [input_of(X, data=[1])]},
        b"",
        r"'x': data: expected 2 values for float32 \[1, 2\], got 1",
    ),
    ({"inputs": [input_of(X, parameters={"binary_data_size": 8})]}, b"123", "expected 8 bytes"),
    ({"inputs": [input_of(X, parameters={"binary_data_size": -8})]}, b"", "a number of bytes, got -8"),
    ({"inputs": [input_of(X, data=[1, 2])]}, b"123", "0 bytes of binary data after the JSON, got 3"),
    ({"inputs": [input_of(X, data=[1, 2])] * 2}, b"", r"inputs\[1\].name: expected a name of its own"),
    (
        {"inputs": [input_of(X, shape="2", data=[1, 2])]},
        b"",
        "shape: expected an array of whole numbers, got '2'",
    ),
    ({"inputs": [input_of(X, datatype="BF16", data=[1, 2])]}, b"", "datatype: expected one of BOOL"),
    ({"inputs": {}}, b"", "inputs: expected an array, got an object"),
    ({"outputs": [{"name": "y", "parameters": {"classification": 3}}]}, b"", "no classification"),
    ({"id": 5}, b"", "id: expected a string, got 5"),
]


@pytest.mark.parametrize(("document", "raw", "message"), REFUSED)
def test_what_is_wrong_is_told(document: dict[str, Any], raw: bytes, message: str) -> None:
    """A refusal names the field, what was expected and what came."""
    body, length = body_of(document, raw)

    with pytest.raises(InvalidInput, match=message):
        kserve_json.parse_request(body, length)


@pytest.mark.parametrize(("body", "length"), [(b"{", None), (b"[]", None), (b"{}", 3), (b"\xff", 1)])
def test_a_body_that_is_no_request_is_told(body: bytes, length: int | None) -> None:
    """Neither broken JSON nor a wrong length of it is anything but InvalidInput."""
    with pytest.raises(InvalidInput):
        kserve_json.parse_request(body, length)


@given(
    document=st.fixed_dictionaries(
        {},
        optional={
            "id": samples.json_values,
            "parameters": samples.json_values,
            "outputs": samples.json_values,
            "inputs": samples.json_values
            | st.lists(
                st.fixed_dictionaries(
                    {"name": st.sampled_from("xy"), "datatype": st.sampled_from(["FP32", "INT8", "?"])},
                    optional={
                        "shape": st.lists(st.integers(-1, 2**62), max_size=4) | samples.json_values,
                        "data": samples.json_values,
                        "parameters": st.builds(
                            lambda size: {"binary_data_size": size}, st.integers(-1, 9)
                        ),
                    },
                ),
                max_size=2,
            ),
        },
    ),
    raw=st.binary(max_size=16),
)
def test_whatever_comes_is_a_request_or_a_clear_refusal(document: dict[str, Any], raw: bytes) -> None:
    """No document leads to anything but a request or InvalidInput."""
    text = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS, default=str)
    try:
        asked = kserve_json.parse_request(text + raw, len(text))
    except InvalidInput:
        return

    assert all(isinstance(tensor, np.ndarray) for tensor in asked.inputs.values())
