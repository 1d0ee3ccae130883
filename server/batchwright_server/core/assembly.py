"""Batches put together from the samples of one request or several, and taken apart again.

Where one request fills a batch exactly, its own memory is used on both sides and nothing is copied.
Otherwise its samples are copied in and its answers out; what a batch lacks is filled by repeating its
last sample, whose further answers nobody gets.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from batchwright_server.core.demultiply import Shard, allocate_outputs
from batchwright_server.core.tensors import Signature, Tensor, Tensors


@dataclass(frozen=True)
class Rows:
    """Samples `start` to `stop` of one request, and the request's outputs, where the answers belong."""

    inputs: Tensors
    outputs: Tensors
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Assembly:
    """One inference over `size` samples; `deliver` brings the answers home when it has ended."""

    shard: Shard
    size: int
    parts: tuple[Rows, ...]
    is_copied: bool

    @property
    def padding(self) -> int:
        """How many samples nobody asked for."""
        return self.size - sum(map(len, self.parts))

    def deliver(self) -> None:
        """Write every answer into its own row of its own request."""
        if not self.is_copied:
            return
        first = 0
        for part in self.parts:
            for name, tensor in self.shard.outputs.items():
                part.outputs[name][part.start : part.stop] = tensor[first : first + len(part)]
            first += len(part)


def divide(parts: Iterable[Rows], sizes: Sequence[int]) -> Iterator[tuple[int, tuple[Rows, ...]]]:
    """The samples of `parts`, in order, dealt out to batches of `sizes`; the last may lack some."""
    waiting = iter(parts)
    current = next(waiting, None)
    for size in sizes:
        room, dealt = size, []
        while room and current is not None:
            taken = replace(current, stop=min(current.stop, current.start + room))
            dealt.append(taken)
            room -= len(taken)
            rest = replace(current, start=taken.stop)
            current = rest if len(rest) else next(waiting, None)
        yield size, tuple(dealt)


def assemble(signature: Signature, parts: Sequence[Rows], size: int) -> Assembly:
    """One batch of `size` samples from `parts`, which have 1 to `size` together.

    All parts agree on the shape of a sample, and on inputs without a batch dimension.
    """
    first = parts[0]
    is_copied = len(parts) > 1 or len(first) < size
    inputs = {
        spec.name: _join([_rows(part.inputs[spec.name], part) for part in parts], size)
        if spec.batched
        else first.inputs[spec.name]
        for spec in signature.inputs
    }
    if is_copied:
        outputs = allocate_outputs(signature.outputs, size)
    else:
        outputs = {name: _rows(tensor, first) for name, tensor in first.outputs.items()}
    return Assembly(Shard(inputs, outputs), size, tuple(parts), is_copied)


def _rows(tensor: Tensor, part: Rows) -> Tensor:
    return tensor[part.start : part.stop]


def _join(slices: Sequence[Tensor], size: int) -> Tensor:
    if len(slices) == 1 and len(slices[0]) == size:
        return slices[0]
    joined = np.empty((size, *slices[0].shape[1:]), slices[0].dtype)
    first = 0
    for rows in slices:
        joined[first : first + len(rows)] = rows
        first += len(rows)
    joined[first:] = joined[first - 1]
    return joined
