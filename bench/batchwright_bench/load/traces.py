"""Traces: requests as they came once, to be sent again."""

from dataclasses import dataclass


class InvalidTrace(ValueError):
    """The message says which line, what was expected and what came."""


@dataclass(frozen=True)
class Trace:
    """Batch sizes in order, and when each came (seconds since the first); without times: none."""

    sizes: tuple[int, ...]
    seconds: tuple[float, ...] = ()


def parse_trace(text: str) -> Trace:
    """A trace of lines `batch_size` or `seconds,batch_size`; empty lines and those with # mean nothing.

    Raises InvalidTrace.
    """
    rows = [
        (number, line.split(","))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        raise InvalidTrace("expected at least one line with a batch size, found none")
    columns = len(rows[0][1])
    for number, row in rows:
        if len(row) != columns or columns > 2:
            raise InvalidTrace(f"line {number}: expected batch_size or seconds,batch_size in all lines")
    sizes = tuple(_size(number, row[-1]) for number, row in rows)
    return Trace(sizes, _times(rows) if columns > 1 else ())


def _times(rows: list[tuple[int, list[str]]]) -> tuple[float, ...]:
    times: list[float] = []
    for number, row in rows:
        try:
            seconds = float(row[0])
        except ValueError as error:
            raise InvalidTrace(f"line {number}: expected seconds, got {row[0]!r}") from error
        if not seconds < float("inf") or (times and seconds < times[-1]):
            raise InvalidTrace(f"line {number}: expected seconds that never go back, got {row[0]!r}")
        times.append(seconds)
    return tuple(seconds - times[0] for seconds in times)


def _size(number: int, text: str) -> int:
    found = text.strip()
    if not found.isdecimal() or int(found) < 1:
        raise InvalidTrace(f"line {number}: expected a batch size from 1, got {found!r}")
    return int(found)
