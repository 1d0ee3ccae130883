"""What is known of a model's inputs and outputs, and the tensors that go through it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]
Tensors = Mapping[str, Tensor]

ANY = -1  # a dimension that may have any size
TEXT = np.dtype(object)  # of tensors of strings: their elements are `bytes`, UTF-8 or not
MOST_TEXT_BYTES = (1 << 31) - 1  # of all strings in a tensor: engines count them in 32 bits


@dataclass(frozen=True)
class BatchRange:
    """The batch sizes a model is compiled for: from `least` to `most` (None: without a bound)."""

    least: int
    most: int | None

    @classmethod
    def only(cls, batch_size: int) -> "BatchRange":
        """Exactly one batch size."""
        return cls(batch_size, batch_size)

    def __contains__(self, batch_size: int) -> bool:
        return self.least <= batch_size and (self.most is None or batch_size <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"{self.least} or more"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True)
class InputShapes:
    """The shapes of inputs that a model is compiled for."""

    by_input: tuple[tuple[str, tuple[int, ...]], ...]

    def __str__(self) -> str:
        if len(self.by_input) == 1:
            return format_shape(self.by_input[0][1])
        return ", ".join(f"{name} {format_shape(shape)}" for name, shape in self.by_input)


Size = int | InputShapes  # what a reload is for: a batch size, or the shapes of a model of any shape
Compilable = BatchRange | InputShapes  # what a model can be compiled for


def name_size(size: int | Compilable) -> str:
    """What a model is compiled for, in words."""
    return f"shape {size}" if isinstance(size, InputShapes) else f"batch size {size}"


@dataclass(frozen=True)
class AutoShapes:
    """The inputs each of whose shapes is compiled for, and the shapes they were saved with (if any)."""

    inputs: tuple[str, ...]
    saved: InputShapes | None

    def of(self, inputs: Tensors) -> InputShapes:
        """The shapes that `inputs` need."""
        return InputShapes(tuple((name, inputs[name].shape) for name in self.inputs))


@dataclass(frozen=True)
class TensorSpec:
    """One input or output: its name, element type, and shape as the model was saved.

    `batched`: the first dimension counts samples. It has the saved size here; what a client may send
    depends on the strategy. `bounds`: by axis, the sizes of other dimensions that are ANY within limits.
    `client_axis`: where clients have the dimension that is the first here.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    batched: bool = True
    bounds: tuple[tuple[int, BatchRange], ...] = ()
    client_axis: int = 0

    def to_client(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape in the clients' order."""
        first, rest = shape[:1], shape[1:]
        return (*rest[: self.client_axis], *first, *rest[self.client_axis :])

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape without the batch dimension."""
        return self.shape[1:] if self.batched else self.shape

    def with_batch(self, batch_size: int) -> tuple[int, ...]:
        """The shape at `batch_size` samples (ANY for "any number")."""
        return (batch_size, *self.sample_shape) if self.batched else self.shape


@dataclass(frozen=True)
class Signature:
    """A model's inputs and outputs, and why its batch size cannot be changed, if it cannot."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch_fault: str = ""
    auto: AutoShapes | None = None  # None: shapes are fixed, or open to one compiled model

    def size_of(self, inputs: Tensors, batch_size: int) -> Size:
        """What a request with these inputs needs a model compiled for."""
        return self.auto.of(inputs) if self.auto else batch_size

    @property
    def has_open_batch(self) -> bool:
        """Whether the model was saved for any batch size."""
        return any(spec.batched and spec.shape[0] == ANY for spec in self.inputs)

    @property
    def saved_batch_size(self) -> int:
        """The batch size the model was saved with; 1 where it was left open."""
        sizes = [spec.shape[0] for spec in self.inputs if spec.batched]
        return sizes[0] if sizes and sizes[0] != ANY else 1

    @property
    def demultiply_fault(self) -> str:
        """Why batches cannot be split into single samples and gathered again; empty if they can."""
        if self.batch_fault:
            return self.batch_fault
        for spec in self.outputs:
            if not spec.batched:
                return f"output {spec.name!r} has no batch dimension to gather along"
            if ANY in spec.sample_shape:
                shape = format_shape(spec.shape)
                return f"output {spec.name!r} has a shape that depends on the data: {shape}"
        return ""


def name_dtype(dtype: np.dtype[Any]) -> str:
    """An element type in words."""
    return "string" if dtype == TEXT else dtype.name


def count_bytes(tensor: Tensor) -> int:
    """The bytes of a tensor's data; of strings, their own and not those of references to them."""
    return sum(map(len, tensor.flat)) if tensor.dtype == TEXT else tensor.nbytes


def strings(elements: Sequence[bytes]) -> Tensor:
    """A tensor of one dimension with these strings."""
    tensor = np.empty(len(elements), TEXT)
    tensor[:] = list(elements)
    return tensor


def blank(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Tensor:
    """Zeros, or empty strings."""
    return np.full(shape, b"", TEXT) if dtype == TEXT else np.zeros(shape, dtype)


def format_shape(shape: tuple[int, ...]) -> str:
    """A shape as OVMS prints it: `(1,3,224,224)`."""
    return f"({','.join(map(str, shape))})"
