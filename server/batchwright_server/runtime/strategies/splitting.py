"""`on_miss: split`: a request whose size is not compiled is answered by sizes that are.

Its size is compiled once as much was paid for that as compiling costs: sizes that come rarely are never
compiled, those that come often soon are, and nobody waits for either.
"""

import logging
from dataclasses import dataclass

from batchwright_server.core.cover import Cover
from batchwright_server.core.rental import Rental
from batchwright_server.core.size_costs import SizeCosts
from batchwright_server.core.tensors import Tensor
from batchwright_server.runtime.failed_sizes import MOST_SIZES
from batchwright_server.runtime.independence import SampleIndependence
from batchwright_server.runtime.reload_queue import ReloadQueue
from batchwright_server.runtime.strategies.execution import Execution
from batchwright_server.runtime.strategies.port import Call
from batchwright_server.runtime.strategies.sizing import MeasureSize, SomeSizes

_log = logging.getLogger(__name__)

_COVER_USES = 100  # before a cover is worked out anew, with the costs known by then


@dataclass(frozen=True)
class Splitting:
    """What it needs to know of a model."""

    independence: SampleIndependence
    measure: MeasureSize

    async def make(self, queue: ReloadQueue, execution: Execution) -> "Splitter":
        """A splitter that knows what the sizes cost that are compiled now."""
        splitter = Splitter(queue, execution)
        for size in queue.compiled:
            if isinstance(size, int):
                lease = queue.grant(size)
                try:
                    splitter.costs.observe(size, await self.measure(lease.pool, size))
                finally:
                    lease.release()
        return splitter

    async def is_possible(self, execution: Execution) -> bool:
        """Whether requests can be split; tells why where they cannot."""
        fault = await self.independence.fault()
        if execution.signature.auto:
            fault = "shapes are reloaded, not batch sizes"
        if fault:
            _log.warning("a request whose size is not compiled waits and is not split: %s", fault)
        return not fault


class Splitter:
    """Answers requests of any size by the compiled sizes of a reload queue, while there are any."""

    def __init__(self, queue: ReloadQueue, execution: Execution) -> None:
        self.costs = SizeCosts()
        self._queue = queue
        self._execution = execution
        self._rental = Rental(MOST_SIZES)
        self._cover: Cover | None = None
        self._covered: tuple[int, ...] = ()
        self._uses = 0

    async def infer(self, call: Call) -> dict[str, Tensor] | None:
        """The outputs for `call`; None if nothing is compiled."""
        sizes = tuple(size for size in self._queue.compiled if isinstance(size, int))
        if not sizes:
            return None
        cover = self._cover_of(sizes)
        surcharge = self.costs.surcharge(cover, call.batch_size)
        if self._rental.pay(call.batch_size, surcharge, self._queue.compile_seconds):
            self._queue.order(call.batch_size)
        leases = {size: self._queue.grant(size) for size in set(cover.pieces(call.batch_size))}
        try:
            pools = {size: lease.pool for size, lease in leases.items()}
            return await self._execution.run_pieces(SomeSizes(pools, cover), call)
        finally:
            for lease in leases.values():
                lease.release()

    def _cover_of(self, sizes: tuple[int, ...]) -> Cover:
        self._uses += 1
        if self._cover is None or sizes != self._covered or self._uses > _COVER_USES:
            self._cover, self._covered, self._uses = Cover(sizes, self.costs.known), sizes, 0
        return self._cover
