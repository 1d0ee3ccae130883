"""Shapes on the command line, as benchmark_app has them: `[1,3,9]`, `input[1,64][8,64],other[1]`."""

import re

_GROUP = re.compile(r"\s*([^\[\],]*)((?:\[[\d\s,]*\]\s*)+)(?:,|$)")
_SHAPE = re.compile(r"\[([\d\s,]*)\]")

_DIGITS = 9  # of a dimension

Shapes = tuple[tuple[int, ...], ...]


class InvalidShapes(ValueError):
    """The message says what was expected and what came."""


def parse_shapes(text: str) -> dict[str, Shapes]:
    """The shapes of each input in turn; an empty name is the only input's. Raises InvalidShapes."""
    found: dict[str, Shapes] = {}
    place = 0
    while place < len(text):
        match = _GROUP.match(text, place)
        if match is None or match[1].strip() in found:
            raise InvalidShapes(
                "expected shapes such as [1,3,224,224][8,3,224,224], or "
                f"input1[1,3],input2[1,4] with each input once; got {text[:200]!r}"
            )
        found[match[1].strip()] = tuple(_sizes(one) for one in _SHAPE.findall(match[2]))
        place = match.end()
    return found


def _sizes(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if not all(part.isascii() and part.isdecimal() and len(part) <= _DIGITS for part in parts):
        raise InvalidShapes(
            f"expected whole numbers of at most {_DIGITS} digits with commas between, got [{text[:80]}]"
        )
    return tuple(map(int, parts))
