"""What is known of the models that a pipeline's nodes name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchwright_server.core.tensors import ANY, format_shape, name_dtype

Shape = tuple[int, ...]


@dataclass(frozen=True)
class TensorType:
    """An element type, and a shape in which ANY takes any size."""

    dtype: np.dtype[Any]
    shape: Shape

    def __str__(self) -> str:
        return f"{name_dtype(self.dtype)} {format_shape(self.shape)}"


@dataclass(frozen=True)
class Interface:
    """A model's inputs and outputs by name, as its clients see them."""

    inputs: Mapping[str, TensorType]
    outputs: Mapping[str, TensorType]


@dataclass(frozen=True)
class Missing:
    """Why there is no such model to call."""

    reason: str


Interfaces = Mapping[str, Interface | Missing]  # by node


def fits(one: Shape, other: Shape) -> bool:
    """Whether a tensor could have both shapes."""
    return len(one) == len(other) and all(
        a == b or ANY in (a, b) for a, b in zip(one, other, strict=True)
    )


def narrow(one: Shape, other: Shape) -> Shape:
    """The shape of the tensors that have both shapes, which must fit."""
    return tuple(b if a == ANY else a for a, b in zip(one, other, strict=True))
