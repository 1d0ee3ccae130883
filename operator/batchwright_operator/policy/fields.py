"""Typed fields of a persisted document. Keys nobody asks for are passed over."""

from collections.abc import Mapping

from batchwright_server.config.plan import Plan

Document = Mapping[str, object]


class UnreadableField(ValueError):
    """A field that is missing or of another type."""

    def __init__(self, key: str, expected: str, value: object) -> None:
        super().__init__(f"{key}: expected {expected}, got {value!r}")


def parse_whole(document: Document, key: str) -> int:
    """An integer that is no boolean."""
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableField(key, "an integer", value)
    return value


def parse_count(document: Document, key: str) -> int:
    """An integer of at least 0."""
    value = parse_whole(document, key)
    if value < 0:
        raise UnreadableField(key, "an integer of at least 0", value)
    return value


def parse_flag(document: Document, key: str) -> bool:
    """A boolean."""
    value = document.get(key)
    if not isinstance(value, bool):
        raise UnreadableField(key, "a boolean", value)
    return value


def parse_text(document: Document, key: str) -> str:
    """A string."""
    value = document.get(key)
    if not isinstance(value, str):
        raise UnreadableField(key, "a string", value)
    return value


def parse_plan(document: Document, key: str) -> Plan:
    """A plan written as `strategy/streams`."""
    text = parse_text(document, key)
    try:
        return Plan.parse(text)
    except ValueError as error:
        raise UnreadableField(key, "a plan as strategy/streams", text) from error


def parse_part(value: object, key: str) -> Document:
    """A mapping with string keys."""
    if not isinstance(value, Mapping) or not all(isinstance(it, str) for it in value):
        raise UnreadableField(key, "a mapping", value)
    return value


def parse_parts(document: Document, key: str) -> tuple[Document, ...]:
    """A list of mappings; absent, an empty one."""
    value = document.get(key, [])
    if not isinstance(value, list | tuple):
        raise UnreadableField(key, "a list", value)
    return tuple(parse_part(item, key) for item in value)


def parse_wholes(document: Document, key: str) -> tuple[int, ...]:
    """A list of integers; absent, an empty one."""
    value = document.get(key, [])
    if not isinstance(value, list | tuple):
        raise UnreadableField(key, "a list", value)
    return tuple(parse_whole({key: item}, key) for item in value)
