"""What is done to an input before the model sees it: OVMS's mean, scale, color_format and precision.

Both sides of a colon are in OVMS's order, which differs: `color_format` is `model:clients`, `precision`
is `clients:model`.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

PRECISIONS = (
    "FP64",
    "FP32",
    "FP16",
    "BF16",
    "INT64",
    "INT32",
    "INT16",
    "INT8",
    "UINT64",
    "UINT32",
    "UINT16",
    "UINT8",
)
COLORS = ("RGB", "BGR", "GRAY", "NV12", "I420")
_SPLIT_COLORS = {"NV12_2": "NV12", "I420_3": "I420"}  # an input for each plane

_VALUES = "expected a number, or one for each channel as [123.7,116.3,103.5]"
_COLOR = f"expected MODEL:CLIENTS such as RGB:BGR, each one of {', '.join(COLORS)}"
_PRECISION = f"expected CLIENTS:MODEL such as UINT8:FP32, each one of {', '.join(PRECISIONS)}"

PerChannel = float | tuple[float, ...]  # one number for all channels, or one for each


@dataclass(frozen=True)
class Conversion:
    """What clients send, and what it becomes."""

    clients: str
    model: str


def parse_values(value: object) -> PerChannel:
    """The numbers in a text, a number or a list. Raises ValueError."""
    if isinstance(value, str):
        return _parse_text(re.sub(r"\s", "", value))
    if isinstance(value, Sequence):
        return _several([_number(item) for item in value])
    return _number(value)


def parse_color(text: str) -> Conversion:
    """The two sides of `color_format`. Raises ValueError."""
    model, clients = _pair(text, _COLOR)
    for name in (model, clients):
        if name in _SPLIT_COLORS:
            raise ValueError(
                f"{name} takes several inputs, which is not supported; send {_SPLIT_COLORS[name]} as one"
            )
        if name not in COLORS:
            raise ValueError(_COLOR)
    return Conversion(clients, model)


def parse_precision(text: str) -> Conversion:
    """The two sides of `precision`. Raises ValueError."""
    clients, model = _pair(text, _PRECISION)
    if clients not in PRECISIONS or model not in PRECISIONS:
        raise ValueError(_PRECISION)
    return Conversion(clients, model)


def check_divisors(value: PerChannel) -> PerChannel:
    """`value`, which has no zero in it. Raises ValueError."""
    if 0 in (value if isinstance(value, tuple) else (value,)):
        raise ValueError(f"{_VALUES}, none of them 0: it divides")
    return value


def _parse_text(text: str) -> PerChannel:
    if (text[:1], text[-1:]) in (("[", "]"), ("(", ")")):
        return _several([_number(item) for item in text[1:-1].split(",")])
    return _number(text)


def _several(values: list[float]) -> tuple[float, ...]:
    if not values:
        raise ValueError(_VALUES)
    return tuple(values)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(_VALUES)  # noqa: TRY004  pydantic's way
    try:
        number = float(value) if len(str(value)) < 40 else math.nan
    except (ValueError, OverflowError) as error:
        raise ValueError(_VALUES) from error
    if not math.isfinite(number) or "_" in str(value):
        raise ValueError(_VALUES)
    return number


def _pair(text: str, expected: str) -> tuple[str, str]:
    first, colon, second = re.sub(r"\s", "", text).upper().partition(":")
    if not colon:
        raise ValueError(expected)
    return first, second
