"""Traces: requests as they came once, to be sent again."""

import io
import math
from dataclasses import dataclass

from batchwright_bench.load.sizes import LARGEST, parse_size

_COLUMNS = ("seconds", "batch_size")


class InvalidTrace(ValueError):
    """The message says which line and field, what was expected and what came."""


@dataclass(frozen=True)
class Trace:
    """Batch sizes in order, and when each came (seconds since the first); without times: none."""

    sizes: tuple[int, ...]
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Row:
    """The fields of a line, counted from 1 as an editor does."""

    number: int
    fields: list[str]


def parse_trace(data: bytes) -> Trace:
    """A trace of lines `batch_size` or `seconds,batch_size`; empty lines and those with # mean nothing.

    Raises InvalidTrace.
    """
    lines = enumerate(io.StringIO(_decode(data), newline=None), 1)
    rows = [
        _Row(number, line.strip().split(","))
        for number, line in lines
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        raise InvalidTrace("expected at least one line with a batch size, found none")
    columns = len(rows[0].fields)
    for row in rows:
        if len(row.fields) != columns or columns > len(_COLUMNS):
            raise InvalidTrace(
                f"line {row.number}: expected batch_size or seconds,batch_size in all lines, "
                f"got {_shorten(','.join(row.fields))}"
            )
    sizes = tuple(map(_size, rows))
    return Trace(sizes, _times(rows) if columns > 1 else ())


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")  # spreadsheets put a mark in front
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidTrace(f"line {line}: expected text in UTF-8") from error


def _times(rows: list[_Row]) -> tuple[float, ...]:
    times: list[float] = []
    for row in rows:
        seconds = _seconds(row)
        if times and seconds < times[-1]:
            raise InvalidTrace(
                f"line {row.number}: seconds: expected none before the line above, {times[-1]:g}, "
                f"got {_shorten(row.fields[0])}"
            )
        times.append(seconds)
    return tuple(seconds - times[0] for seconds in times)


def _seconds(row: _Row) -> float:
    try:
        seconds = float(row.fields[0])
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        got = _shorten(row.fields[0])
        raise InvalidTrace(f"line {row.number}: seconds: expected a number from 0, got {got}")
    return seconds


def _size(row: _Row) -> int:
    try:
        return parse_size(row.fields[-1])
    except ValueError as error:
        got = _shorten(row.fields[-1])
        raise InvalidTrace(
            f"line {row.number}: batch_size: expected a whole number from 1 to {LARGEST}, got {got}"
        ) from error


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
