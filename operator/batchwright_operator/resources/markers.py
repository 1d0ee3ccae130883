"""What the schema of a cluster says of a field beyond pydantic's words, written beside the field.

A marker is metadata of an annotation; validation passes it over, the schema takes it up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

RULES = "x-kubernetes-validations"


@dataclass(frozen=True)
class Rule:
    """What a cluster checks in CEL (`self` is the value) where a validator of ours says the same."""

    cel: str
    message: str
    field: str = ""  # the path below `self` that the message is about, such as `.fixed.batchSize`

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler(core_schema)
        return {**schema, RULES: [*schema.get(RULES, []), *to_schema([self])]}


def to_schema(rules: Iterable[Rule]) -> list[dict[str, str]]:
    """The rules as a schema has them."""
    return [
        {"rule": rule.cel, "message": rule.message} | ({"fieldPath": rule.field} if rule.field else {})
        for rule in rules
    ]


@dataclass(frozen=True)
class Keywords:
    """Words of JSON Schema, or of Kubernetes' extensions of it, that are added to a field's schema."""

    words: tuple[tuple[str, Any], ...]

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(core_schema), **dict(self.words)}


def list_map(*keys: str) -> Keywords:
    """A list whose items are told apart by these keys: each once, and merged by server-side apply."""
    return Keywords((("x-kubernetes-list-type", "map"), ("x-kubernetes-list-map-keys", list(keys))))


SET = Keywords((("x-kubernetes-list-type", "set"),))
ATOMIC = Keywords((("x-kubernetes-list-type", "atomic"),))
NOT_EMPTY = Keywords((("minItems", 1),))
