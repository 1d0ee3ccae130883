"""Whether a model treats the samples of a batch independently of each other.

Shapes cannot show it: a softmax over the batch keeps its shape. So a few rows are run together and one
by one; if the answers differ by more than rounding, splitting a batch would change its answers.
"""

from collections.abc import Awaitable, Callable

import numpy as np

from batchwright_server.core.tensors import ANY, Signature, Tensor
from batchwright_server.runtime import trial_inputs

Infer = Callable[[dict[str, Tensor], int], Awaitable[dict[str, Tensor]]]

ROWS = 3
# Relative to the largest value: bfloat16 keeps 8 bits, and errors add up over layers. What mixes rows
# is off by much more.
TOLERANCE = 0.05


class SampleIndependence:
    """Finds out at most once, when first asked."""

    def __init__(self, signature: Signature, *, together: Infer, singly: Infer) -> None:
        self._signature = signature
        self._together = together
        self._singly = singly
        self._fault: str | None = None

    async def fault(self) -> str:
        """Why batches cannot be split into single samples; empty if they can. Raises ServerError."""
        if self._fault is None:
            self._fault = self._signature.demultiply_fault or await self._find_fault()
        return self._fault

    async def _find_fault(self) -> str:
        if any(ANY in spec.sample_shape for spec in self._signature.inputs):
            return ""  # nothing can be tried without knowing a shape
        inputs = trial_inputs.make_inputs(self._signature, ROWS)
        together = await self._together(inputs, ROWS)
        singly = await self._singly(inputs, ROWS)
        for name, answer in together.items():
            if not _agree(answer, singly[name]):
                return f"samples depend on each other: output {name!r} of one changes with the others"
        return ""


def _agree(one: Tensor, other: Tensor) -> bool:
    if not np.issubdtype(one.dtype, np.floating):
        return bool(np.array_equal(one, other))
    scale = max(float(np.abs(one).max(initial=0)), float(np.abs(other).max(initial=0)))
    return bool(np.allclose(one, other, rtol=0, atol=TOLERANCE * scale, equal_nan=True))
