"""Quantities as Kubernetes writes them: `2`, `500m`, `1.5Gi`, `1e3`."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from batchwright_operator.resources.markers import Keywords

_NUMBER = r"[0-9]+\.?[0-9]*|\.[0-9]+"
_SUFFIX = r"[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3}"
_GRAMMAR = f"^\\+?({_NUMBER})({_SUFFIX})?$"

_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: dict[str, int] = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def _to_text(value: object) -> object:
    if isinstance(value, float):
        raise ValueError('expected a quantity; write a fraction as 500m or in quotes, "0.5"')  # noqa: TRY004  pydantic's way
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# A whole number may be written as one; the schema of a cluster has no room for other numbers.
Quantity = Annotated[
    str,
    BeforeValidator(_to_text),
    Field(max_length=32, pattern=_GRAMMAR),
    Keywords((("x-kubernetes-int-or-string", True), ("pattern", _GRAMMAR))),
]


def amount(quantity: str) -> Decimal:
    """How much a valid quantity is, in its base unit: cores or bytes."""
    match = re.match(_GRAMMAR, quantity)
    if match is None:
        raise ValueError(f"expected a quantity such as 500m or 2Gi, got {quantity!r}")
    number, suffix = match[1], match[2] or ""
    if suffix in _BINARY:
        return Decimal(number) * (1 << _BINARY[suffix])
    exponent = f"e{_DECIMAL[suffix]}" if suffix in _DECIMAL else suffix
    return Decimal(f"{number}{exponent}")
