"""The `shape` parameter of a model: OVMS's texts, `(1,3,-1,100:200)` or `auto`, one or one per input."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LARGEST = 2**31 - 1
EVERY_INPUT = ""  # the key of a shape that was given without an input's name

_EXPECTED = "expected a shape such as (1,3,224,224), each dimension a number, -1 or min:max; or auto"


@dataclass(frozen=True)
class Dimension:
    """The sizes a dimension may have, from `least` to `most`; None: without a bound."""

    least: int = 1
    most: int | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether there is exactly one size."""
        return self.least == self.most

    def __str__(self) -> str:
        if self.most is None:
            return "-1"
        return str(self.least) if self.is_fixed else f"{self.least}:{self.most}"


Shape = tuple[Dimension, ...]


@dataclass(frozen=True)
class AutoShape:
    """Any shape of the input's rank; a new one reloads the model."""

    def __str__(self) -> str:
        return "auto"


AskedShape = Shape | AutoShape


def parse_shape(text: str) -> AskedShape:
    """The shape in a text. Raises ValueError that says what was expected."""
    packed = re.sub(r"\s", "", text)
    if packed.lower() == "auto":
        return AutoShape()
    if (packed[:1], packed[-1:]) not in (("(", ")"), ("[", "]")):
        raise ValueError(_EXPECTED)
    inner = packed[1:-1]
    return tuple(_parse_dimension(item) for item in inner.split(",")) if inner else ()


def parse_shapes(value: object) -> dict[str, AskedShape]:
    """The shapes by input; a single one for the key EVERY_INPUT. Raises ValueError."""
    return {name: _parse_named(name, text) for name, text in by_name(value)}


def by_name(value: object) -> Iterator[tuple[str, str]]:
    """The pairs of a parameter that is one text or a map of texts, also where the map is in a text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _parse_map(value)
    named = value.items() if isinstance(value, Mapping) else [(EVERY_INPUT, value)]
    for name, text in named:
        if not (isinstance(name, str) and isinstance(text, str)):
            raise ValueError("expected a text, or an object with a text for each name")  # noqa: TRY004
        yield name, text


def format_shape(shape: Shape) -> str:
    """The text that `parse_shape` reads."""
    return f"({','.join(map(str, shape))})"


def _parse_map(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {error}") from error


def _parse_named(name: str, text: str) -> AskedShape:
    try:
        return parse_shape(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}" if name else str(error)) from error


def _parse_dimension(text: str) -> Dimension:
    if text == "-1":
        return Dimension()
    least, colon, most = text.partition(":")
    dimension = Dimension(_parse_size(least), _parse_size(most if colon else least))
    if dimension.most is not None and dimension.least > dimension.most:
        raise ValueError(f"{_EXPECTED}; in min:max the first must not be the larger")
    return dimension


def _parse_size(text: str) -> int:
    # The length first: converting a text of a million digits takes minutes.
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and 1 <= int(text) <= LARGEST):
        raise ValueError(f"{_EXPECTED}; sizes are from 1 to {LARGEST}")
    return int(text)
