"""Blocks that are handed on as they are."""

import math
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from batchwright_operator.resources.opaque import OpenObject

_ADAPTER: TypeAdapter[dict[str, Any]] = TypeAdapter(OpenObject)


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize("value", [{}, {"a": {"b": [1, 0.5, True, None, "x"]}}, _nested(16)])
def test_taken(value: dict[str, Any]) -> None:
    """Whatever is JSON comes through unchanged."""
    assert _ADAPTER.validate_python(value) == value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "valid dictionary"),
        ({"a": {1: 2}}, "expected texts as keys, got 1; put it in quotes"),
        ({"a": math.inf}, "not JSON compliant"),
        ({"a": "x" * 20_000}, "expected at most 16384 characters"),
        (_nested(20_000), "nested more than 32 levels deep"),
    ],
)
def test_refused(value: object, words: str) -> None:
    """What no API server could be given is refused, however large or deep it is."""
    with pytest.raises(ValidationError, match=words):
        _ADAPTER.validate_python(value)
