"""Kubernetes' quantities."""

from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from batchwright_operator.resources.quantity import Quantity, amount

_ADAPTER: TypeAdapter[str] = TypeAdapter(Quantity)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (2, "2"),
        ("0.5", "0.5"),
        ("500m", "0.5"),
        ("100u", "0.0001"),
        ("2.", "2"),
        (".5", "0.5"),
        ("+1", "1"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("1E", "1000000000000000000"),
        ("1Gi", "1073741824"),
        ("1.5Ki", "1536"),
        ("3k", "3000"),
    ],
)
def test_read(written: object, read: str) -> None:
    """Every form that Kubernetes takes is taken, whole numbers included, and means the same."""
    assert amount(_ADAPTER.validate_python(written)) == Decimal(read)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "1K",
        "1mi",
        "ki",
        "-1",
        "1 Gi",
        "1.2.3",
        ".",
        "0x10",
        True,
        -1,
        0.5,
        float("nan"),
        "1e9999",
        "1GiB",
    ],
)
def test_refused(written: object) -> None:
    """What Kubernetes refuses, or nothing can have, is refused here."""
    with pytest.raises(ValidationError):
        _ADAPTER.validate_python(written)
