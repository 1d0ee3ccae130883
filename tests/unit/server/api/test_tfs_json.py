import base64
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given

from batchwright_server.api import tfs_json
from batchwright_server.api.tfs_json import Layout
from batchwright_server.core.tensors import Tensor
from batchwright_server.errors import InvalidInput
from tests.unit.server.api import samples

ONE = samples.describe(x=(np.float32, (-1, 2)))
TWO = samples.describe(a=(np.float32, (-1, 2)), b=(np.int64, (-1,)))
X = np.array([[1, 2], [3, 4]], np.float32)
B64 = [{"b64": base64.b64encode(row.tobytes()).decode()} for row in X]


def parse(document: Any, description: Any = ONE) -> tuple[Layout, dict[str, Tensor]]:
    return tfs_json.parse_request(orjson.dumps(document), description)


@pytest.mark.parametrize(
    ("document", "layout"),
    [
        ({"instances": [[1, 2], [3.0, 4]]}, Layout.ROWS),
        ({"instances": [{"x": [1, 2]}, {"x": [3, 4]}], "signature_name": "any"}, Layout.ROWS),
        ({"instances": B64}, Layout.ROWS),
        ({"instances": [{"x": item} for item in B64]}, Layout.ROWS),
        ({"inputs": [[1, 2], [3, 4]]}, Layout.COLUMNS),
        ({"inputs": {"x": [[1, 2], [3, 4]]}}, Layout.COLUMNS),
        ({"inputs": {"x": B64}}, Layout.COLUMNS),
    ],
)
def test_every_way_to_write_one_input_is_understood(document: Any, layout: Layout) -> None:
    """Rows and columns, with and without a name, as numbers and as bytes, are the same tensor."""
    came, inputs = parse(document)

    assert came is layout
    assert samples.same(inputs["x"], X)


def test_several_inputs_are_told_apart_by_name() -> None:
    """A row has a value for each input, and each input gets the model's element type."""
    _, rows = parse({"instances": [{"a": [1, 2], "b": 5}, {"a": [3, 4], "b": 6}]}, TWO)
    _, columns = parse({"inputs": {"a": X.tolist(), "b": [5, 6]}}, TWO)

    for inputs in (rows, columns):
        assert samples.same(inputs["a"], X)
        assert samples.same(inputs["b"], np.array([5, 6], np.int64))


@pytest.mark.parametrize(
    ("document", "description", "message"),
    [
        ({}, ONE, "exactly one of 'instances' and 'inputs', got neither"),
        ({"instances": [], "inputs": []}, ONE, "exactly one of"),
        ({"instances": 5}, ONE, "instances: expected an array, got 5"),
        ({"instances": [[1, 2]]}, TWO, r"objects that name the inputs \['a', 'b'\]"),
        ({"instances": [{"a": 1, "b": 2}, {"a": 1}]}, TWO, r"instances\[1\]: expected the inputs"),
        ({"inputs": {"z": [[1, 2]]}}, ONE, r"inputs: expected exactly \['x'\], got \['z'\]"),
        ({"instances": [["a", "b"]]}, ONE, "input 'x': expected numbers for float32, got a string"),
        ({"instances": [{"b64": "AAAA"}]}, ONE, "input 'x': b64: expected 8 bytes"),
    ],
)
def test_what_is_wrong_is_told(document: Any, description: Any, message: str) -> None:
    """A refusal names the field, what was expected and what came."""
    with pytest.raises(InvalidInput, match=message):
        parse(document, description)


def test_answers_have_the_layout_of_the_request() -> None:
    """One output goes without its name, several by name; rows as rows, columns as columns."""
    many = {"y": X, "z": np.array([5, 6])}

    def render(layout: Layout, outputs: dict[str, Tensor]) -> Any:
        return orjson.loads(tfs_json.render_answer(layout, outputs))

    assert render(Layout.ROWS, {"y": X}) == {"predictions": [[1, 2], [3, 4]]}
    assert render(Layout.ROWS, many) == {"predictions": [{"y": [1, 2], "z": 5}, {"y": [3, 4], "z": 6}]}
    assert render(Layout.COLUMNS, {"y": X}) == {"outputs": [[1, 2], [3, 4]]}
    assert render(Layout.COLUMNS, many) == {"outputs": {"y": [[1, 2], [3, 4]], "z": [5, 6]}}


def test_rows_need_outputs_with_a_row_for_each() -> None:
    """An output without rows cannot be told in rows; the message says what can."""
    with pytest.raises(InvalidInput, match=r"'inputs' takes any.*'z': \[\]"):
        tfs_json.render_answer(Layout.ROWS, {"y": X, "z": np.array(1.0)})


@given(tensor=samples.finite_tensors)
def test_what_is_answered_can_be_sent(tensor: Tensor) -> None:
    """An answer in either layout, sent as a request, is the same tensor."""
    description = samples.describe(x=(tensor.dtype, tensor.shape))
    for layout, key in ((Layout.ROWS, "predictions"), (Layout.COLUMNS, "outputs")):
        answer = orjson.loads(tfs_json.render_answer(layout, {"y": tensor}))
        _, inputs = parse({layout.value: answer[key]}, description)
        np.testing.assert_array_equal(inputs["x"], tensor)


@given(value=samples.json_values)
def test_whatever_comes_is_a_request_or_a_clear_refusal(value: Any) -> None:
    """No document leads to anything but tensors for the model's inputs or InvalidInput."""
    for document in (value, {"instances": value}, {"inputs": value}, {"instances": [{"b64": value}]}):
        text = orjson.dumps(document, default=str)
        for description in (ONE, TWO):
            try:
                _, inputs = tfs_json.parse_request(text, description)
            except InvalidInput:
                continue
            assert inputs.keys() == {tensor.spec.name for tensor in description.inputs}
