"""TensorFlow Serving's Predict over HTTP: its JSON to tensors and back, in rows and in columns.

Source: the RESTful API page: `instances` is a list with one element for each sample (the value itself,
or an object with a value for each input), `inputs` is the whole tensor (or an object of tensors); the
answer is in `predictions` or `outputs` accordingly, without a name where the model has one output.
`{"b64": …}` stands for bytes: a string where the model takes strings, else the raw data of one sample or
an image of it. Strings are answered as texts; in this way if they are no UTF-8, or if the output's name
ends in `_bytes`.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
import orjson

from batchwright_server.api import images, json_fields, json_tensors
from batchwright_server.api.json_fields import Json
from batchwright_server.core.tensors import TEXT, Tensor
from batchwright_server.errors import InvalidInput
from batchwright_server.runtime.dataplane import Description, TensorDescription

_BINARY_SUFFIX = "_bytes"  # of the name of an output whose strings are all in base64


class Layout(Enum):
    """How a request wrote its tensors, and wants the answer's."""

    ROWS = "instances"
    COLUMNS = "inputs"


def parse_request(body: bytes, description: Description) -> tuple[Layout, dict[str, Tensor]]:
    """The inputs in `body` with the element types that the model wants. Raises InvalidInput."""
    document = json_fields.parse_object("body", body)
    given = [layout for layout in Layout if layout.value in document]
    if len(given) != 1:
        names = [layout.value for layout in given]
        raise InvalidInput("body", "exactly one of 'instances' and 'inputs'", str(names or "neither"))
    layout = given[0]
    value = document[layout.value]
    columns = (
        _rows_to_columns(value, description) if layout is Layout.ROWS else _columns(value, description)
    )
    return layout, _to_tensors(columns, description)


def render_answer(layout: Layout, outputs: Mapping[str, Tensor]) -> bytes:
    """The outputs as JSON; what is no number there (NaN, infinity) is null. Raises InvalidInput."""
    plain = {name: _to_plain(name, tensor) for name, tensor in outputs.items()}
    if layout is Layout.COLUMNS:
        whole = next(iter(plain.values())) if len(plain) == 1 else plain
        return _dump({"outputs": whole})
    rows = {tensor.shape[0] if tensor.ndim else None for tensor in outputs.values()}
    if len(rows) != 1 or None in rows:
        shapes = {name: list(tensor.shape) for name, tensor in outputs.items()}
        expected = "a model whose outputs have one row for each instance ('inputs' takes any)"
        raise InvalidInput("instances", expected, f"outputs of shapes {shapes}")
    if len(plain) == 1:
        return _dump({"predictions": next(iter(plain.values()))})
    lists = {name: value if isinstance(value, list) else value.tolist() for name, value in plain.items()}
    return _dump(
        {
            "predictions": [
                dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)
            ]
        }
    )


def _to_plain(name: str, tensor: Tensor) -> Any:
    """What JSON is written of."""
    if tensor.dtype == TEXT:
        return json_tensors.to_nested_text(tensor, is_binary=name.endswith(_BINARY_SUFFIX))
    return np.asarray(tensor, order="C")


def _dump(document: Json) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _rows_to_columns(value: object, description: Description) -> Json:
    rows = json_fields.check_array("instances", value)
    known = {tensor.spec.name for tensor in description.inputs}
    if not rows or not all(isinstance(row, dict) for row in rows):
        return {_only_input(description, "instances"): rows}
    if all(json_tensors.is_base64(row) for row in rows) and "b64" not in known:
        return {_only_input(description, "instances"): rows}
    names = rows[0].keys()
    for index, row in enumerate(rows):
        if row.keys() != names:
            raise InvalidInput(f"instances[{index}]", f"the inputs {sorted(names)}", str(sorted(row)))
    return {name: [row[name] for row in rows] for name in names}


def _columns(value: object, description: Description) -> Json:
    if isinstance(value, dict) and not json_tensors.is_base64(value):
        return value
    return {_only_input(description, "inputs"): value}


def _only_input(description: Description, field: str) -> str:
    names = [tensor.spec.name for tensor in description.inputs]
    if len(names) != 1:
        raise InvalidInput(field, f"objects that name the inputs {names}", "values without names")
    return names[0]


def _to_tensors(columns: Json, description: Description) -> dict[str, Tensor]:
    known = {tensor.spec.name: tensor for tensor in description.inputs}
    if columns.keys() != known.keys():
        raise InvalidInput("inputs", f"exactly {sorted(known)}", str(sorted(columns)))
    return {name: _to_tensor(value, known[name]) for name, value in columns.items()}


def _to_tensor(value: object, tensor: TensorDescription) -> Tensor:
    field, dtype = f"input {tensor.spec.name!r}", tensor.spec.dtype
    if dtype == TEXT:
        return json_tensors.from_nested(field, value, dtype)
    samples: list[Any] = value if isinstance(value, list) else [value]
    if samples and all(json_tensors.is_base64(item) for item in samples):
        contents = json_tensors.decode_base64(field, samples)
        if images.are_images(contents, tensor):
            return images.decode(field, contents, tensor)
        rows = json_tensors.from_raw(field, contents, dtype, tensor.spec.sample_shape)
        return np.moveaxis(rows, 0, tensor.spec.client_axis)
    return json_tensors.from_nested(field, value, dtype)
