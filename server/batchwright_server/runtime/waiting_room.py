"""How many requests wait, under whatever strategy, and how many bytes they have; and how many may.

A request waits from its coming until its last inference begins: in the reload queue, for others to join
it, or for its turn. Beyond the bounds it is refused at once, so that a server that is asked for more
than it can do keeps its memory, and answers those that it took.
"""

from batchwright_server import errors
from batchwright_server.config.batching import ReloadQueue
from batchwright_server.core import waiting_bytes
from batchwright_server.runtime import meters, ports
from batchwright_server.runtime.memory_budget import MemoryBudget

_LOOK_SECONDS = 1.0  # between looks at the memory that models leave
_OF_MODEL = "max_bytes of the model's queue (maxBytes in a ModelServer)"
_OF_PROCESS = "--max_waiting_bytes"


class Ticket:
    """The place of one request that waits."""

    def __init__(self, room: "WaitingRoom", size_bytes: int) -> None:
        self._room: WaitingRoom | None = room
        self._size_bytes = size_bytes

    def leave(self) -> None:
        """Note that nothing of it waits any more, or that it ended; twice is as good as once."""
        room, self._room = self._room, None
        if room is not None:
            room.leave(self._size_bytes)


class House:
    """All rooms of a process: what waits in them is in one memory."""

    def __init__(self, budget: MemoryBudget, clock: ports.Clock, most: int = 0) -> None:
        self._budget = budget
        self._clock = clock
        self._asked = most  # 0: what the memory allows
        self._found = 0
        self._looked = -_LOOK_SECONDS
        self.tally = waiting_bytes.Tally()

    @property
    def most(self) -> int:
        """The bytes that may wait."""
        if self._asked:
            return self._asked
        if self._clock() >= self._looked + _LOOK_SECONDS:
            self._looked = self._clock()
            limit = self._budget.memory.limit()
            self._found = waiting_bytes.default_bound(limit, self._budget.models_bytes)
        return self._found


class WaitingRoom:
    """Where the requests of one model wait."""

    def __init__(self, meter: meters.ReloadMeters, house: House) -> None:
        self._meter = meter
        self._house = house
        self._tally = waiting_bytes.Tally()

    @property
    def waiting(self) -> int:
        """How many requests do."""
        return self._tally.requests

    def enter(self, bounds: ReloadQueue, size_bytes: int) -> Ticket:
        """A place for a request, to be left. Raises QueueFull or TooManyBytes if too much waits."""
        if self.waiting >= bounds.max_requests:
            self._meter.rejected[meters.Rejection.FULL] += 1
            raise errors.QueueFull(bounds.max_requests)
        self._check(self._tally, size_bytes, bounds.max_bytes, _OF_MODEL)
        self._check(self._house.tally, size_bytes, self._house.most, _OF_PROCESS)
        self._tally.enter(size_bytes)
        self._house.tally.enter(size_bytes)
        self._meter.waiting_bytes += size_bytes
        return Ticket(self, size_bytes)

    def leave(self, size_bytes: int) -> None:
        """Take back what `enter` noted."""
        self._tally.leave(size_bytes)
        self._house.tally.leave(size_bytes)
        self._meter.waiting_bytes -= size_bytes

    def _check(self, tally: waiting_bytes.Tally, size_bytes: int, most: int | None, name: str) -> None:
        if most is None or tally.has_room(size_bytes, most):
            return
        self._meter.rejected[meters.Rejection.BYTES] += 1
        raise errors.TooManyBytes(tally.size_bytes, size_bytes, most, name)
