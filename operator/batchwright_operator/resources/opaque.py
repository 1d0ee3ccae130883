"""Blocks of Kubernetes' own API that are handed on as they are, for the API server to judge."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_LARGEST = 16 * 1024  # characters as JSON
_DEEPEST = 32


def _check_level(value: object, depth: int) -> None:
    if depth > _DEEPEST:  # before anything else goes as deep as somebody made it
        raise ValueError(f"nested more than {_DEEPEST} levels deep")
    if isinstance(value, Mapping):
        odd = next((key for key in value if not isinstance(key, str)), None)
        if odd is not None:
            raise ValueError(f"expected texts as keys, got {odd!r}; put it in quotes")
    children = value.values() if isinstance(value, Mapping) else value
    for item in children if isinstance(children, Iterable) and not isinstance(value, str) else ():
        _check_level(item, depth + 1)


def _check_levels(value: object) -> object:
    _check_level(value, 0)
    return value


def _check_json(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, allow_nan=False)) > _LARGEST:
        raise ValueError(f"expected at most {_LARGEST} characters as JSON")
    return value


KEPT_OPEN = WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
OpenObject = Annotated[
    dict[str, Any],
    BeforeValidator(_check_levels),
    AfterValidator(_check_json),
    KEPT_OPEN,
]
