"""Whether a model treats the samples of a batch independently of each other.

Shapes cannot show it: a softmax over the batch keeps its shape. So a few rows are run together and one
by one; if the answers differ by more than rounding, splitting a batch would change its answers. What
cannot be tried is not taken to be independent.
"""

from collections.abc import Awaitable, Callable

import numpy as np

from batchwright_server import errors
from batchwright_server.config.plan import Strategy
from batchwright_server.core.tensors import Signature, Tensor
from batchwright_server.runtime import trial_inputs
from batchwright_server.runtime.trial_inputs import Range

ROWS = 3
# Of the largest value, in float32 arithmetic: rounding stays well below, unless a quantised layer tips
# over, and what mixes rows is above as a rule.
TOLERANCE = 0.01

Infer = Callable[[dict[str, Tensor], int], Awaitable[dict[str, Tensor]]]
MakeInputs = Callable[[Signature, int, Range], Awaitable[dict[str, Tensor]]]


class SampleIndependence:
    """Finds out at most once, when first asked."""

    def __init__(
        self, signature: Signature, *, together: Infer, singly: Infer, make_inputs: MakeInputs
    ) -> None:
        self._signature = signature
        self._together = together
        self._singly = singly
        self._make_inputs = make_inputs
        self._fault: str | None = None

    @property
    def known_fault(self) -> str | None:
        """What `fault` would give at once; None while that has to be found out."""
        return self._fault

    def assume(self, fault: str) -> None:
        """Take what was found out before."""
        self._fault = fault

    async def check(self, strategy: Strategy) -> None:
        """Raise CompilationFailed if batches cannot be split into single samples, as `strategy` does."""
        if fault := await self.fault():
            what = f"strategy {strategy.value!r} for this model"
            raise errors.CompilationFailed(what, f"{fault}; {name_remaining(self._signature)}")

    async def fault(self) -> str:
        """Why batches cannot be split into single samples; empty if they can."""
        if self._fault is None:
            self._fault = self._signature.demultiply_fault or await self._try_all()
        return self._fault

    async def _try_all(self) -> str:
        for values in trial_inputs.Range:
            try:
                fault = await self._try(values)
            except errors.ServerError as error:
                return f"whether samples depend on each other cannot be tried: {error}"
            if fault:
                return fault
        return ""

    async def _try(self, values: Range) -> str:
        inputs = await self._make_inputs(self._signature, ROWS, values)
        together = await self._together(inputs, ROWS)
        singly = await self._singly(inputs, ROWS)
        for name, answer in together.items():
            if not agree(answer, singly[name]):
                return f"samples depend on each other: output {name!r} of one changes with the others"
        return ""


def name_remaining(signature: Signature) -> str:
    """Which strategies a model allows whose batches cannot be split."""
    if signature.batch_fault:
        return f"only strategy 'fixed' remains, at batch size {signature.saved_batch_size}"
    return "strategies 'fixed', 'reload' and 'dynamic' remain"


def agree(one: Tensor, other: Tensor) -> bool:
    """Whether two answers are the same but for rounding."""
    if one.shape != other.shape:
        return False
    if not np.issubdtype(one.dtype, np.floating):
        return bool(np.array_equal(one, other))
    finite = np.isfinite(one)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return False
    scale = max(float(np.abs(part[finite]).max(initial=0)) for part in (one, other))
    return bool(np.abs(one[finite] - other[finite]).max(initial=0) <= TOLERANCE * scale)
