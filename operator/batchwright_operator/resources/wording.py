"""Pydantic's findings in the words of somebody who writes YAML."""

import difflib
import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from batchwright_server.config.problems import Problem, format_path

_EXPECTED = {
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping",
    "greater_than_equal": "expected at least {ge}",
    "int_type": "expected an integer",
    "invalid_key": "expected a text as key; put it in quotes",
    "less_than_equal": "expected at most {le}",
    "list_type": "expected a list",
    "model_attributes_type": "expected a mapping",
    "model_type": "expected a mapping",
    "string_pattern_mismatch": "expected a text of the form {pattern}",
    "string_too_long": "expected at most {max_length} characters",
    "string_too_short": "expected a text of at least {min_length} character",
    "string_type": "expected a text; put it in quotes",
    "too_long": "expected at most {max_length} items",
    "tuple_type": "expected a list",
}
_CHOICES = frozenset({"enum", "literal_error"})
_CHOICE = re.compile(r"'([^']*)'")
_KEY_MARK = "[key]"  # pydantic's step for a key that is itself at fault
_LONGEST_VALUE = 80


def to_problems(error: ValidationError, model: type[BaseModel]) -> tuple[Problem, ...]:
    """What is wrong with an object that should have been a `model`, each fault at its path."""
    return tuple(_problem(dict(item), model) for item in error.errors(include_url=False))


def _problem(item: Mapping[str, Any], model: type[BaseModel]) -> Problem:
    location = item["loc"]
    if location[-1:] == (_KEY_MARK,):
        location = (*location[:-2], str(location[-2]))
        item = {**item, "type": "invalid_key" if item["type"] == "string_type" else item["type"]}
    return Problem(format_path(location), _message(item, location, model))


def _message(item: Mapping[str, Any], location: tuple[object, ...], model: type[BaseModel]) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "missing":
        return "required, but missing"
    if kind == "extra_forbidden":
        near = _nearest(str(location[-1]), _keys_at(location[:-1], model))
        return f"unknown key; {near or 'remove it or check its spelling'}"
    if kind == "value_error":  # ours; it says itself what came where that is not plain
        return _with_value(str(context["error"]), item["input"])
    if kind in _CHOICES:
        choices = _CHOICE.findall(context["expected"])
        told = _with_value(f"expected one of {', '.join(choices)}", item["input"])
        near = _nearest(str(item["input"]), choices)
        return f"{told}; {near}" if near else told
    expected = _EXPECTED[kind].format(**context) if kind in _EXPECTED else item["msg"]
    return f"{expected} (got {shorten(item['input'])})"


def shorten(value: object) -> str:
    """A value as it is told: texts in quotes and cut, of collections only what they are."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    short = reprlib.Repr()
    short.maxstring = short.maxlong = short.maxother = _LONGEST_VALUE
    return short.repr(value)


def _with_value(message: str, value: object) -> str:
    is_told = "got" in message.split() or isinstance(value, BaseModel | dict | list | tuple)
    return message if is_told else f"{message} (got {shorten(value)})"


def _nearest(text: str, choices: Iterable[str]) -> str:
    """A question that names the choice that was probably meant; empty if none is near."""
    by_lower = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(text.lower()[:_LONGEST_VALUE], by_lower, n=1)
    return f"did you mean {by_lower[found[0]]}?" if found else ""


def _keys_at(location: tuple[object, ...], model: type[BaseModel]) -> list[str]:
    """The keys that the part at `location` may have."""
    part: type[BaseModel] | None = model
    for step in location:
        if part is not None and isinstance(step, str):
            part = _model_in(_fields(part).get(step))
    return list(_fields(part)) if part is not None else []


def _fields(model: type[BaseModel]) -> dict[str, object]:
    return {item.alias or name: item.annotation for name, item in model.model_fields.items()}


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model in an annotation such as `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for item in get_args(annotation) if (found := _model_in(item))), None)
