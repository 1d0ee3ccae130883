"""From pydantic's JSON schema to the structural schema of a custom resource.

An API server takes no references, no unions (but "integer or text"), no `null`, no
`additionalProperties: false`; what a field may be is said at the field itself.
"""

from collections.abc import Mapping
from typing import Any

from batchwright_operator.resources.schema import defaults

Schema = dict[str, Any]

INT_OR_STRING = "x-kubernetes-int-or-string"
PRESERVE = "x-kubernetes-preserve-unknown-fields"

_INT32 = 2**31 - 1
_KEPT = (
    "description", "enum", "format", "maxItems", "maxLength", "maxProperties", "maximum", "minItems",
    "minLength", "minProperties", "minimum", "pattern", "type",
)  # fmt: skip
_DROPPED = frozenset(
    {"$defs", "title", "additionalProperties", "properties", "required", "items", "default", "const",
     "patternProperties", "propertyNames", "readOnly"}
)  # fmt: skip


class NotStructural(ValueError):
    """Something in a schema that an API server would refuse; says where and what."""


def to_structural(schema: Mapping[str, Any], *, with_defaults: bool = True) -> Schema:
    """The structural form of what `model_json_schema` gives. Raises NotStructural."""
    return _Converter(schema.get("$defs", {}), with_defaults).convert(schema, "")


class _Converter:
    def __init__(self, definitions: Mapping[str, Any], with_defaults: bool) -> None:
        self._definitions = definitions
        self._with_defaults = with_defaults

    def convert(self, raw: Mapping[str, Any], path: str) -> Schema:
        schema = self._flatten(raw, path)
        found = {key: schema[key] for key in _KEPT if key in schema}
        found |= {key: value for key, value in schema.items() if key.startswith("x-kubernetes-")}
        unknown = set(schema) - set(found) - _DROPPED
        if unknown:
            raise NotStructural(f"{path or 'the schema'}: no place for {', '.join(sorted(unknown))}")
        if "const" in schema:
            found["enum"] = [schema["const"]]
        if found.get(INT_OR_STRING):
            found.pop("type", None)
        elif found.get("type") == "integer":
            found["format"] = "int32" if schema.get("maximum", 2 * _INT32) <= _INT32 else "int64"
        elif found.get("type") == "number":
            raise NotStructural(f"{path}: floating-point numbers have no place in a resource")
        self._add_children(found, schema, path)
        return found

    def _add_children(self, found: Schema, schema: Mapping[str, Any], path: str) -> None:
        if "items" in schema:
            found["items"] = self.convert(schema["items"], f"{path}[]")
        if "properties" in schema:
            found["properties"] = self._properties(schema["properties"], path)
            required = [key for key in schema.get("required", []) if key in found["properties"]]
            if required:
                found["required"] = sorted(required)
        elif isinstance(schema.get("additionalProperties"), Mapping):
            values = self.convert(schema["additionalProperties"], f"{path}.*")
            values.pop("description", None)
            found["additionalProperties"] = values

    def _properties(self, properties: Mapping[str, Any], path: str) -> dict[str, Schema]:
        found = {}
        for key, raw in sorted(properties.items()):
            if raw.get("type") == "null":  # a key that is kept for a later release
                continue
            child = self.convert(raw, f"{path}.{key}".lstrip("."))
            if self._with_defaults and "default" in raw:
                defaults.add_default(child, raw["default"])
            found[key] = child
        return found

    def _flatten(self, raw: Mapping[str, Any], path: str) -> Schema:
        """`raw` with its reference followed and `null` left out; what stands beside them wins."""
        schema = dict(raw)
        if "$ref" in schema:
            target = self._definitions[schema.pop("$ref").rpartition("/")[2]]
            return self._flatten(_merge(target, schema), path)
        if "anyOf" in schema:
            members = [item for item in schema.pop("anyOf") if item.get("type") != "null"]
            if len(members) == 1:
                return self._flatten(_merge(members[0], schema), path)
            if {item.get("type") for item in members} == {"integer", "string"}:
                return {**schema, INT_OR_STRING: True}
            raise NotStructural(f"{path}: expected one type, got {len(members)}")
        return schema


def _merge(inner: Mapping[str, Any], outer: Mapping[str, Any]) -> Schema:
    """`inner` with the words of `outer`, which is nearer to the field; the rules of both hold."""
    merged = {**inner, **outer}
    rules = [*inner.get("x-kubernetes-validations", []), *outer.get("x-kubernetes-validations", [])]
    return merged | ({"x-kubernetes-validations": rules} if rules else {})
