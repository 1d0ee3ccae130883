"""Protocol buffer messages, written field by field, for formats whose libraries are large."""

import struct

Field = bytes


def number(tag: int, value: int) -> Field:
    """A field with an integer or an enum."""
    return _key(tag, 0) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def text(tag: int, value: str | bytes) -> Field:
    """A field with a text or bytes."""
    data = value.encode() if isinstance(value, str) else value
    return _key(tag, 2) + _varint(len(data)) + data


def message(tag: int, *fields: Field) -> Field:
    """A field with a message of these fields."""
    return text(tag, b"".join(fields))


def real(tag: int, value: float) -> Field:
    """A field with a 32-bit float."""
    return _key(tag, 5) + struct.pack("<f", value)


def pair(tag: int, key: str, *fields: Field) -> Field:
    """An entry of a map from texts to messages."""
    return message(tag, text(1, key), message(2, *fields))


def _key(tag: int, kind: int) -> bytes:
    return _varint(tag << 3 | kind)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
