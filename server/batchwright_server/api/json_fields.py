"""Reading a JSON document field by field; whatever is not as expected is InvalidInput."""

from typing import Any

import orjson

from batchwright_server.errors import InvalidInput

Json = dict[str, Any]

_LONGEST_TOLD = 60  # characters of a value that an error repeats
_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


def parse_object(field: str, text: bytes | memoryview) -> Json:
    """The object in a JSON text."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(field, "JSON", str(error)) from error
    return check_object(field, document)


def check_object(field: str, value: object) -> Json:
    """`value`, which must be an object."""
    if not isinstance(value, dict):
        raise InvalidInput(field, "an object", tell(value))
    return value


def check_array(field: str, value: object) -> list[Any]:
    """`value`, which must be an array."""
    if not isinstance(value, list):
        raise InvalidInput(field, "an array", tell(value))
    return value


def object_at(document: Json, key: str) -> Json:
    """The object at `key`; absent, an empty one."""
    return check_object(key, document.get(key, {}))


def text_at(document: Json, key: str) -> str:
    """The string at `key`; absent, an empty one."""
    value = document.get(key, "")
    if not isinstance(value, str):
        raise InvalidInput(key, "a string", tell(value))
    return value


def flag_at(document: Json, key: str) -> bool | None:
    """The boolean at `key`; absent, None."""
    value = document.get(key)
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(key, "true or false", tell(value))
    return value


def tell(value: object) -> str:
    """`value` in a few words, however large it is."""
    if isinstance(value, str):
        return repr(value[:_LONGEST_TOLD])
    return tell_kind(type(value)) if isinstance(value, dict | list) else repr(value)


def tell_kind(kind: type) -> str:
    """What JSON calls the values of a Python type."""
    return _NAMES.get(kind, "a whole number" if kind is int else "a number with a fraction")
