"""Inputs to try a model with, when no client has sent any."""

import numpy as np

from batchwright_server.core.tensors import Signature, Tensor


def make_inputs(signature: Signature, batch_size: int) -> dict[str, Tensor]:
    """Random inputs of `batch_size` samples, the same at every call.

    Fractions from 0 to 1; integers are 0 or 1, which is safe where they index a table.
    """
    random = np.random.default_rng(0)
    inputs = {}
    for spec in signature.inputs:
        values = random.random(spec.with_batch(batch_size))
        is_fraction = np.issubdtype(spec.dtype, np.floating)
        inputs[spec.name] = (values if is_fraction else values.round()).astype(spec.dtype)
    return inputs
