"""Coalescing for the strategies that can use it."""

import logging
from dataclasses import dataclass

from batchwright_server.config.batching import Coalesce
from batchwright_server.runtime.coalescer import Coalescer, Limits
from batchwright_server.runtime.independence import SampleIndependence
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.sizing import AnySize, Sizing

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Joining:
    """That requests are to share inferences, if the model's samples do not depend on each other."""

    asked: Coalesce
    independence: SampleIndependence

    async def is_possible(self) -> bool:
        """Whether they can; tells why where they cannot."""
        if fault := await self.independence.fault():
            _log.warning("requests are not coalesced: %s", fault)
        return not fault


def join(execution: Execution, sizing: Sizing, asked: Coalesce, largest: int) -> Coalescer:
    """A coalescer for batches of up to `largest` samples.

    One run more than the device has streams, so that none of them idles for Python. A model for any size
    takes each request whole: it may not take the few samples that would be left of it.
    """
    limits = Limits(
        samples=largest,
        delay=asked.max_delay_seconds,
        runs=sizing.pool(largest).streams + 1,
        is_splitting=not isinstance(sizing, AnySize),
    )
    return Coalescer(execution.signature, limits, lambda parts: execution.run_parts(sizing, parts))
