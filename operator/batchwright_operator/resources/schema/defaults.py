"""Defaults in a structural schema: at the deepest field that has one, and `{}` on the way there."""

import copy
from collections.abc import Mapping
from typing import Any

from batchwright_operator.resources import markers

_EMPTY: tuple[Any, ...] = (None, "", [], {})


def add_default(schema: dict[str, Any], value: Any) -> None:
    """Give `schema` the default `value`, unless to be absent means the same.

    An empty text, list or map is left absent. An object whose default is what its own fields' defaults
    make of it gets `{}`; in full where there are rules, by which an API server judges the default itself
    before it fills in what is in it.
    """
    plain = _without_empty(value)
    if "properties" in schema:
        filled = fill(schema, {})
        if plain:
            schema["default"] = {} if plain == filled and not _has_rules(schema) else plain
    elif plain not in _EMPTY:
        schema["default"] = plain


def fill(schema: Mapping[str, Any], value: Any) -> Any:
    """`value` with the defaults of `schema`, as an API server fills them in."""
    if isinstance(value, Mapping):
        return _fill_object(schema, value)
    if isinstance(value, list) and "items" in schema:
        return [fill(schema["items"], item) for item in value]
    return value


def _fill_object(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    filled = dict(value)
    for key, child in schema.get("properties", {}).items():
        if key not in filled and "default" in child:
            filled[key] = copy.deepcopy(child["default"])
    children = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    return {key: fill(children.get(key, others), item) for key, item in filled.items()}


def _has_rules(schema: Mapping[str, Any]) -> bool:
    children = schema.get("properties", {}).values()
    return markers.RULES in schema or any(_has_rules(child) for child in children if "default" in child)


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        items = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in _EMPTY}
    if isinstance(value, list | tuple):
        return [_without_empty(item) for item in value]
    return value
