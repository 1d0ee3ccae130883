"""Blocks of Kubernetes' own API that are handed on as they are, for the API server to judge."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

_LARGEST = 16 * 1024  # characters as JSON


def _check_keys(value: object) -> object:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"expected a text as key, got {key!r}; put it in quotes")  # noqa: TRY004  pydantic's way
            _check_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_keys(item)
    return value


def _check_json(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, allow_nan=False)) > _LARGEST:
        raise ValueError(f"expected at most {_LARGEST} characters as JSON")
    return value


# What is in it is Kubernetes' business; here it only has to be JSON of a bounded size.
KEPT_OPEN = WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
OpenObject = Annotated[
    dict[str, Any],
    BeforeValidator(_check_keys),
    AfterValidator(_check_json),
    KEPT_OPEN,
]
