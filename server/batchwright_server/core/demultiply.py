"""Splitting a batch into shards of one sample each, and gathering their answers in order.

Nothing is copied: a shard's inputs are views of the request's tensors, and each shard writes its answer
into its own rows of the gathered tensor.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from batchwright_server.core.tensors import Signature, Tensor, Tensors, TensorSpec


@dataclass(frozen=True)
class Shard:
    """One inference: what goes in, and where its outputs are written."""

    inputs: Tensors
    outputs: Tensors


def allocate_outputs(specs: tuple[TensorSpec, ...], batch_size: int) -> dict[str, Tensor]:
    """Uninitialised outputs for `batch_size` samples; shapes known at run time only are left out."""
    shapes = {spec: spec.with_batch(batch_size) for spec in specs}
    return {
        spec.name: np.empty(shape, spec.dtype)
        for spec, shape in shapes.items()
        if min(shape, default=0) >= 0
    }


def demultiply(signature: Signature, inputs: Tensors, outputs: Tensors) -> Iterator[Shard]:
    """One shard per sample, in order; inputs without a batch dimension go whole to every shard."""
    batched = [spec.name for spec in signature.inputs if spec.batched]
    whole = {spec.name: inputs[spec.name] for spec in signature.inputs if not spec.batched}
    count = inputs[batched[0]].shape[0]
    for row in range(count):
        rows = slice(row, row + 1)
        yield Shard(
            whole | {name: inputs[name][rows] for name in batched},
            {name: tensor[rows] for name, tensor in outputs.items()},
        )
