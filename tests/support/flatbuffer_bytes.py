"""Flatbuffers written table by table, for a format whose library is not needed otherwise.

Every object is placed after those that refer to it, so that all offsets are positive. Each begins at a
multiple of four bytes, which is enough for scalars of four bytes and less.
"""

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Vector:
    """Tables, or integers of `size` bytes."""

    items: "list[int | Table]"
    size: int = 4


Scalar = tuple[int, int]  # a value and its size in bytes


@dataclass(frozen=True)
class Table:
    """Fields by their number in the schema."""

    fields: "dict[int, Scalar | str | Vector | Table]"


def finish(root: Table, identifier: str) -> bytes:
    """The buffer with `root` as its root, and the file's identifier."""
    content = bytearray(8)
    struct.pack_into("<I", content, 0, _place_table(content, root))
    content[4:8] = identifier.encode()
    return bytes(content)


def _place(content: bytearray, item: "str | Vector | Table") -> int:
    if isinstance(item, Table):
        return _place_table(content, item)
    if isinstance(item, Vector):
        return _place_vector(content, item)
    start = _align(content)
    content += struct.pack("<I", len(item)) + item.encode() + b"\0"
    return start


def _place_table(content: bytearray, table: Table) -> int:
    count = max(table.fields, default=-1) + 1
    vtable = _align(content)
    offsets = {number: 4 + 4 * place for place, number in enumerate(table.fields)}
    entries = [offsets.get(number, 0) for number in range(count)]
    content += struct.pack(f"<HH{count}H", 4 + 2 * count, 4 + 4 * len(offsets), *entries)
    start = _align(content)
    content += struct.pack("<i", start - vtable) + bytes(4 * len(offsets))
    for number, value in table.fields.items():
        _fill(content, start + offsets[number], value)
    return start


def _fill(content: bytearray, place: int, value: "Scalar | str | Vector | Table") -> None:
    if isinstance(value, tuple):
        number, size = value
        content[place : place + size] = number.to_bytes(size, "little")
    else:
        struct.pack_into("<I", content, place, _place(content, value) - place)


def _place_vector(content: bytearray, vector: Vector) -> int:
    start = _align(content)
    content += struct.pack("<I", len(vector.items)) + bytes(vector.size * len(vector.items))
    for index, item in enumerate(vector.items):
        place = start + 4 + index * vector.size
        _fill(content, place, (item, vector.size) if isinstance(item, int) else item)
    return start


def _align(content: bytearray) -> int:
    content += bytes(-len(content) % 4)
    return len(content)
