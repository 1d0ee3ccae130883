"""What of an object a structural schema refuses, so far as it is said without CEL."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "array": list, "boolean": bool, "integer": int, "object": dict, "string": str,
}  # fmt: skip


def check(schema: Mapping[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """A sentence for each fault of `value`."""
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, int | str):
            yield f"{path}: expected an integer or a text, got {value!r}"
            return
    elif not _is_of(schema, value):
        yield f"{path}: expected {schema.get('type')}, got {value!r}"
        return
    yield from (f"{path}: {fault}" for fault in _check_bounds(schema, value))
    if isinstance(value, dict):
        yield from _check_object(schema, value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from check(schema["items"], item, f"{path}[{index}]")


def _is_of(schema: Mapping[str, Any], value: Any) -> bool:
    kind = schema["type"]
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _check_bounds(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"expected one of {schema['enum']}, got {value!r}"
    if isinstance(value, int):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"out of bounds: {value}"
        return
    noun = {"str": "Length", "list": "Items", "dict": "Properties"}[type(value).__name__]
    if not schema.get(f"min{noun}", 0) <= len(value) <= schema.get(f"max{noun}", len(value)):
        yield f"too long or too short: {value!r}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"expected a text like {schema['pattern']}, got {value!r}"
    keys = schema.get("x-kubernetes-list-map-keys", [])
    if isinstance(value, list) and (keys or schema.get("x-kubernetes-list-type") == "set"):
        seen = [str([item[key] for key in keys] if keys else item) for item in value]
        if len(set(seen)) < len(seen):
            yield f"more than once: {seen}"


def _check_object(schema: Mapping[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    yield from (f"{path}.{key}: missing" for key in schema.get("required", []) if key not in value)
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    children, others = schema.get("properties", {}), schema.get("additionalProperties")
    for key, item in value.items():
        child = children.get(key, others)
        if child is not None:
            yield from check(child, item, f"{path}.{key}")
        elif path != ".metadata":
            yield f"{path}.{key}: unknown"
