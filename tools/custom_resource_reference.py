"""The reference of the custom resources' fields, docs/custom-resources.md, from their schemas."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from batchwright_operator.resources import markers
from batchwright_operator.resources.schema import defaults, definition, structural
from batchwright_operator.resources.schema.definition import Kind

Schema = Mapping[str, Any]

_INTRODUCTION = """# Fields of the custom resources

Generated from the code by `make generate`. `kubectl explain modelserver.spec` tells the same on a
cluster. What the fields are for: [modelserver.md](modelserver.md) and [pipelines.md](pipelines.md).

A field without a default and not marked as required may be left out. `[]` is a list's item, `*` any key
of a map.
"""
_BOUNDS = (
    ("minimum", "≥ {}"), ("maximum", "≤ {}"), ("minItems", "at least {}"), ("maxItems", "at most {}"),
    ("maxProperties", "at most {}"), ("maxLength", "at most {} characters"),
)  # fmt: skip
_IMPLIED = 1_000_000_000  # no bound anybody meets


def render_reference() -> str:
    """The whole page."""
    sections = (section for kind in definition.KINDS for section in _sections(kind))
    return "\n".join([_INTRODUCTION, *sections, ""])


def _sections(kind: Kind) -> Iterator[str]:
    schema = definition.render_schema(kind)
    short = f"`kubectl get {kind.short_name}`"
    yield f"## {kind.kind}\n\n{schema['description']} Listed by {short}.\n"
    yield from (f"- {rule['message']}" for rule in schema[markers.RULES])
    for part in ("spec", "status"):
        for path, child in _objects(part, schema["properties"][part]):
            yield _section(path, child)


def _objects(path: str, schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Each object that has fields, with its path."""
    if "properties" in schema:
        yield path, schema
    for key, child in schema.get("properties", {}).items():
        yield from _objects(f"{path}.{key}", child)
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if key in schema:
            yield from _objects(path + mark, schema[key])


def _section(path: str, schema: Schema) -> str:
    required = schema.get("required", [])
    rows = [
        f"| `{key}` | {_value(child)} | {_default(child, key in required)} | {_meaning(child)} |"
        for key, child in schema["properties"].items()
    ]
    rules = [f"- {rule['message']}" for rule in schema.get(markers.RULES, [])]
    head = f"\n### `{path}`\n\n| field | value | default | meaning |\n|---|---|---|---|"
    return "\n".join([head, *rows, *([""] if rules else []), *rules])


def _value(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    bounds = [
        text.format(schema[key])
        for key, text in _BOUNDS
        if schema.get(key) not in (None, _IMPLIED) and not (key == "maxLength" and schema[key] >= 1024)
    ]
    return ", ".join([_kind(schema), *bounds])


def _kind(schema: Schema) -> str:
    if schema.get(structural.INT_OR_STRING):
        return "integer or text"
    if schema.get(structural.PRESERVE):
        return "object, as it is"
    match schema["type"]:
        case "array":
            return f"list of {_value(schema['items'])}"
        case "object" if "additionalProperties" in schema:
            return f"map of {_value(schema['additionalProperties'])}"
        case "string":
            return "time" if schema.get("format") == "date-time" else "text"
        case kind:
            return str(kind)


def _default(schema: Schema, is_required: bool) -> str:
    if is_required:
        return "required"
    # What follows from the fields inside is said there.
    implied: tuple[Any, ...] = (None, {}, defaults.fill(schema, {}))
    return "" if schema.get("default") in implied else f"`{json.dumps(schema['default'])}`"


def _meaning(schema: Schema) -> str:
    rules = [rule["message"] for rule in schema.get(markers.RULES, []) if "properties" not in schema]
    told = str(schema["description"]) + "".join(f" Rule: {rule}." for rule in rules)
    return told.replace("|", "\\|")
