"""How many requests of one model wait, under whatever strategy, and how many may.

A request waits from its coming until its last inference begins: in the reload queue, for others to join
it, or for its turn. Beyond the bound it is refused at once, so that a server that is asked for more than
it can do keeps its memory, and answers those that it took.
"""

from batchwright_server import errors
from batchwright_server.runtime import meters
from batchwright_server.runtime.reload_queue import Rejection


class Ticket:
    """The place of one request that waits."""

    def __init__(self, room: "WaitingRoom") -> None:
        self._room: WaitingRoom | None = room

    def leave(self) -> None:
        """Note that nothing of it waits any more, or that it ended; twice is as good as once."""
        room, self._room = self._room, None
        if room is not None:
            room.waiting -= 1


class WaitingRoom:
    """Where the requests of one model wait."""

    def __init__(self, meter: meters.ReloadMeters) -> None:
        self._meter = meter
        self.waiting = 0

    def enter(self, most: int) -> Ticket:
        """A place, to be left. Raises QueueFull if `most` wait already."""
        if self.waiting >= most:
            self._meter.rejected[Rejection.FULL] += 1
            raise errors.QueueFull(most)
        self.waiting += 1
        return Ticket(self)
