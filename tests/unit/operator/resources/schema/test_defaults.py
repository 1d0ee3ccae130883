"""Where defaults stand in a schema, and what they make of an object."""

from typing import Any

import pytest

from batchwright_operator.resources import markers
from batchwright_operator.resources.schema import defaults

TEXT: dict[str, Any] = {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize("value", [None, "", [], {}, {"a": None, "b": {}}])
def test_emptiness_is_no_default(value: object) -> None:
    """To be absent means the same, so objects stay short."""
    schema = dict(TEXT) if not isinstance(value, dict) else _object(a=TEXT)
    defaults.add_default(schema, value)
    assert "default" not in schema


@pytest.mark.parametrize("value", [0, False, "x", ["x"]])
def test_values_are_defaults(value: object) -> None:
    """Everything else is said, nought and false too."""
    schema = dict(TEXT)
    defaults.add_default(schema, value)
    assert schema["default"] == value


def test_parents_of_defaults() -> None:
    """A part whose fields have defaults is there without being written."""
    inner = _object(a={**TEXT, "default": "x"})
    outer = _object(inner=inner)
    defaults.add_default(inner, {"a": "x"})
    defaults.add_default(outer, {"inner": {"a": "x"}})
    assert (inner["default"], outer["default"]) == ({}, {})
    assert defaults.fill(outer, {}) == {"inner": {"a": "x"}}


def test_a_default_of_its_own() -> None:
    """A default that is not what the fields say is written out."""
    schema = _object(a={**TEXT, "default": "x"}, b=_object(c=TEXT))
    defaults.add_default(schema, {"a": "x", "b": {"c": "y"}})
    assert schema["default"] == {"a": "x", "b": {"c": "y"}}


@pytest.mark.parametrize("depth", [0, 1])
def test_rules_judge_whole_defaults(depth: int) -> None:
    """Where a rule reads fields, the default has them: it is judged before anything is filled in."""
    schema = _object(a={**TEXT, "default": "x"}) | {markers.RULES: [{"rule": "self.a != ''"}]}
    value: dict[str, Any] = {"a": "x"}
    for _ in range(depth):
        defaults.add_default(schema, value)
        schema, value = _object(inner=schema), {"inner": value}
    defaults.add_default(schema, value)
    assert schema["default"] == value


def test_objects_are_filled_at_every_depth() -> None:
    """In lists and maps too; what is given stays, and defaults are not shared between objects."""
    item = _object(a={**TEXT, "default": "x"}, b={"type": "array", "items": TEXT, "default": ["y"]})
    schema = _object(items={"type": "array", "items": item}, named={"additionalProperties": item})
    filled = defaults.fill(schema, {"items": [{}, {"a": "z"}], "named": {"n": {"b": []}}, "other": 1})
    assert filled == {
        "items": [{"a": "x", "b": ["y"]}, {"a": "z", "b": ["y"]}],
        "named": {"n": {"a": "x", "b": []}},
        "other": 1,
    }
    filled["items"][0]["b"].append("more")
    assert item["properties"]["b"]["default"] == ["y"]
