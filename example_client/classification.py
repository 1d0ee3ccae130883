"""Classes of images, as a model's answers tell them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from example_client import faults

_BACKGROUND_CLASS_WIDTH = 1001  # such models put a class for "none of these" before the thousand


def classes_of(rows: NDArray[np.generic], *, are_classes: bool = False) -> list[int]:
    """The class of each image, of its row of scores; `are_classes`: a pipeline may say it outright."""
    return [_class_of(row, are_classes=are_classes) for row in rows]


def missing_output(name: str, available: Iterable[str]) -> faults.ClientError:
    """What is told of an answer that lacks the output."""
    return faults.ClientError(
        f"Invalid output name: {name}. Available outputs: {', '.join(sorted(available))}. "
        "Give one of them with --output_name"
    )


def _class_of(row: NDArray[np.generic], *, are_classes: bool) -> int:
    if are_classes and row.size == 1:
        return int(row.ravel()[0])
    offset = 1 if row.size == _BACKGROUND_CLASS_WIDTH else 0
    return int(np.argmax(row)) - offset


@dataclass
class Tally:
    """How many answers were judged, and how many of them were right."""

    judged: int = 0
    matched: int = 0

    def count(self, *, is_match: bool) -> None:
        """One more answer."""
        self.judged += 1
        self.matched += is_match

    @property
    def percent(self) -> float:
        """The right ones of a hundred."""
        return 100.0 * self.matched / self.judged
