"""OVMS's `batch_size` parameter in all its forms.

Meaning as in OpenVINO Model Server's parameters page: a number is a fixed batch size, `auto` reloads
the model for each new size. Unlike there, a malformed value is an error and not silently dropped.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class FixedBatch:
    """Every request has exactly this many samples."""

    size: int


@dataclass(frozen=True)
class AutoBatch:
    """A new batch size reloads the model."""


BatchSize = FixedBatch | AutoBatch

_EXPECTED = "expected a positive integer or 'auto'"


def parse_batch_size(value: int | str) -> BatchSize:
    """The meaning of a `batch_size` value. Raises ValueError that says what was expected."""
    if isinstance(value, str):
        return _parse_text(value.replace(" ", ""))
    if value < 1:
        raise ValueError(_EXPECTED)
    return FixedBatch(value)


def _parse_text(text: str) -> BatchSize:
    if text.lower() == "auto":
        return AutoBatch()
    if text == "-1" or ":" in text:
        raise ValueError(f"a dynamic batch ({text}) is not supported yet; {_EXPECTED}")
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(_EXPECTED)
    return FixedBatch(int(text))
