"""The door that calls pass: it can be held for a moment, so that a server ends without losing any.

gRPC cancels a call that reached it but was not taken up yet when the server shuts down. While the door
is held, calls are taken up and wait behind it; clients that wait for their answers send no more, and
once nobody comes, shutting down finds no call that is not taken up. Then the door opens again.
"""

import asyncio

QUIET_SECONDS = 0.05  # no call for this long: those that came are all taken up
LONGEST_HOLD_SECONDS = 0.5  # clients that do not wait for answers never stop coming
DESERTED_SECONDS = 1.0  # no call for this long: the clients are elsewhere


class Admission:
    """Lets calls in, or holds them."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._arrivals = 0

    def note(self) -> None:
        """Note that a call was taken up; its message may still be on its way."""
        self._arrivals += 1

    @property
    def is_open(self) -> bool:
        """Whether calls go in. If not, `wait`."""
        return self._open.is_set()

    async def wait(self) -> None:
        """Return once the door is open."""
        await self._open.wait()

    async def until_deserted(self, longest_seconds: float) -> None:
        """Return when the clients seem to have gone elsewhere; the door stays open."""
        if longest_seconds:
            await self._until_quiet(DESERTED_SECONDS, longest_seconds)

    async def hold(self) -> None:
        """Close the door, and return when no call has come for a moment."""
        self._open.clear()
        await self._until_quiet(QUIET_SECONDS, LONGEST_HOLD_SECONDS)

    async def _until_quiet(self, quiet_seconds: float, longest_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + longest_seconds
        arrivals = -1
        while arrivals != self._arrivals and loop.time() < until:
            arrivals = self._arrivals
            await asyncio.sleep(quiet_seconds)

    def release(self) -> None:
        """Open the door."""
        self._open.set()
