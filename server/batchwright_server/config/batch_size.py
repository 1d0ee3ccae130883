"""OVMS's `batch_size` parameter in all its forms.

Meaning as in OpenVINO Model Server's parameters page: a number is a fixed batch size, `auto` reloads
the model for each new size, `-1` and `min:max` compile it once for any size or a range of sizes. Unlike
there, a malformed value is an error and not silently dropped.
"""

from dataclasses import dataclass

LARGEST = 2**31 - 1  # what OpenVINO and the wire can count


@dataclass(frozen=True)
class FixedBatch:
    """Every request has exactly this many samples."""

    size: int


@dataclass(frozen=True)
class AutoBatch:
    """A new batch size reloads the model."""


@dataclass(frozen=True)
class DynamicBatch:
    """Compiled once for all sizes from `least` to `most`; None: any size."""

    least: int = 1
    most: int | None = None


BatchSize = FixedBatch | AutoBatch | DynamicBatch

_EXPECTED = "expected a positive integer, 'auto', '-1' or 'min:max'"


def parse_batch_size(value: int | str) -> BatchSize:
    """The meaning of a `batch_size` value. Raises ValueError that says what was expected."""
    if isinstance(value, str):
        return _parse_text(value.replace(" ", ""))
    return _parse_text(str(value))


def _parse_text(text: str) -> BatchSize:
    if text.lower() == "auto":
        return AutoBatch()
    if text == "-1":
        return DynamicBatch()
    least, colon, most = text.partition(":")
    if not colon:
        return FixedBatch(_parse_size(text))
    bounds = DynamicBatch(_parse_size(least), _parse_size(most))
    if bounds.least > int(most):
        raise ValueError(f"{_EXPECTED}; in 'min:max' the first must not be the larger")
    return bounds


def _parse_size(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= LARGEST:
        raise ValueError(f"{_EXPECTED}; sizes are from 1 to {LARGEST}")
    return int(text)
