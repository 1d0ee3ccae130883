"""What every strategy does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from batchwright_server.config.plan import Plan
from batchwright_server.core.tensors import Tensor, Tensors
from batchwright_server.runtime.inference_pool import ignore

FOREVER = float("inf")  # a deadline that never passes


@dataclass(frozen=True)
class Call:
    """One valid request: its inputs, their batch size, and until when (the loop's clock) it may wait.

    `begun` is called when all its inferences have begun, if they do.
    """

    inputs: Tensors
    batch_size: int
    deadline: float
    begun: Callable[[], None] = ignore


class BatchStrategy(Protocol):
    """Answers requests of any batch size it allows."""

    @property
    def plan(self) -> Plan:
        """The strategy's name and streams."""

    async def prepare(self) -> None:
        """Compile and warm what is needed to serve. Raises CompilationFailed."""

    async def infer(self, call: Call) -> dict[str, Tensor]:
        """The outputs for `call`, one row per sample. Raises ServerError, or Retired after `retire`."""

    async def retire(self) -> None:
        """Take no new requests, let those that run finish, and free what was compiled."""
