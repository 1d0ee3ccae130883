"""Tensors as nested JSON arrays, and as base64.

Strict: numbers for numbers, whole numbers for integer types and only those that fit, booleans for
booleans, for strings texts and what stands for bytes. Flattening goes level by level, so that no nesting
is too deep for it.
"""

import base64
import binascii
import contextlib
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from batchwright_server.api import json_fields, limits, tensor_data
from batchwright_server.core.tensors import ANY, TEXT, Tensor, strings
from batchwright_server.errors import InvalidInput

_KINDS: dict[str, tuple[str, set[type]]] = {
    "b": ("true or false", {bool}),
    "i": ("whole numbers", {int}),
    "u": ("whole numbers", {int}),
    "f": ("numbers", {int, float}),
}
_BASE64_KEY = "b64"


def from_nested(field: str, value: object, dtype: np.dtype[Any]) -> Tensor:
    """The tensor whose shape is the nesting of `value`. Raises InvalidInput."""
    shape, elements = _flatten(field, value)
    return tensor_data.reshape(field, _to_array(field, elements, dtype), shape)


def from_elements(field: str, value: object, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Tensor:
    """The tensor of `shape` with the elements of `value`, nested or flat. Raises InvalidInput."""
    _, elements = _flatten(field, value)
    return tensor_data.reshape(field, _to_array(field, elements, dtype), shape)


def is_base64(value: object) -> bool:
    """Whether `value` is the object that stands for bytes: `{"b64": "…"}`."""
    return isinstance(value, dict) and value.keys() == {_BASE64_KEY}


def decode_base64(field: str, samples: Sequence[Mapping[str, object]]) -> list[bytes]:
    """The bytes that each sample stands for. Raises InvalidInput."""
    return [_decode(field, item[_BASE64_KEY]) for item in samples]


def to_nested_text(tensor: Tensor, *, is_binary: bool = False) -> Any:
    """Strings as texts, in base64 those that are no UTF-8 (with `is_binary`: all)."""
    written = np.empty(tensor.shape, object)
    for index, element in np.ndenumerate(tensor):
        written[index] = _write(element, is_binary=is_binary)
    return written.tolist()


def from_raw(
    field: str, samples: Sequence[bytes], dtype: np.dtype[Any], sample: tuple[int, ...]
) -> Tensor:
    """The tensor with the raw data of a `sample` in each row. Raises InvalidInput."""
    if ANY in sample:
        raise InvalidInput(field, f"numbers, because b64 does not tell a shape of {sample}", "b64")
    return tensor_data.from_bytes(f"{field}: b64", b"".join(samples), dtype, (len(samples), *sample))


def _decode(field: str, text: object) -> bytes:
    try:
        return base64.b64decode(text, validate=True)  # type: ignore[arg-type]  # what else raises
    except (binascii.Error, TypeError, ValueError) as error:
        raise InvalidInput(f"{field}: b64", "base64 text", str(error)) from error


def _flatten(field: str, value: object) -> tuple[tuple[int, ...], list[Any]]:
    shape: list[int] = []
    level: list[Any] = [value]
    while list in (kinds := set(map(type, level))):
        sizes = set(map(len, level)) if kinds == {list} else set()
        if len(sizes) != 1:
            raise InvalidInput(field, "arrays of equal lengths at each level", "arrays that differ")
        shape.append(sizes.pop())
        limits.check_rank(field, shape)
        level = list(chain.from_iterable(level))
    return tuple(shape), level


def _to_array(field: str, elements: list[Any], dtype: np.dtype[Any]) -> Tensor:
    if dtype == TEXT:
        return _to_strings(field, elements)
    what, allowed = _KINDS[dtype.kind]
    strangers = set(map(type, elements)) - allowed
    if strangers:
        came = ", ".join(sorted(json_fields.tell_kind(kind) for kind in strangers))
        raise InvalidInput(field, f"{what} for {dtype.name}", came)
    try:
        with np.errstate(over="ignore"):
            array = np.array(elements, dtype)
    except OverflowError as error:
        raise InvalidInput(field, f"values that fit {dtype.name}", str(error)) from error
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidInput(field, f"values that fit {dtype.name}", "a larger number")
    return array


def _to_strings(field: str, elements: list[Any]) -> Tensor:
    return strings([_to_string(field, element) for element in elements])


def _to_string(field: str, element: Any) -> bytes:
    if isinstance(element, str):
        return element.encode()
    if is_base64(element):
        return _decode(field, element[_BASE64_KEY])
    came = json_fields.tell_kind(type(element))
    raise InvalidInput(field, 'texts, or objects {"b64": "…"}, for string', came)


def _write(element: bytes, *, is_binary: bool) -> Any:
    if not is_binary:
        with contextlib.suppress(UnicodeDecodeError):
            return element.decode()
    return {_BASE64_KEY: base64.b64encode(element).decode()}
