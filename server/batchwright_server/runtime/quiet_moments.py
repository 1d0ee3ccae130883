"""When something may be measured: while no request is under way, or in a small share of the time.

What is measured beside other work looks dearer than it is. So each measurement has the process to
itself: nothing compiles, and nobody else infers. While no request is under way that costs nobody
anything; each step is short, so that a request that comes waits for one inference at most. Where the
process is never idle, steps are taken all the same, but rarely enough: all of them together hold others
up for half a second and a fiftieth of the time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from batchwright_server.runtime import ports
from batchwright_server.runtime.compiler import CompileWorker
from batchwright_server.runtime.inference_gate import Guest, InferenceGate

SHARE = 0.02  # of the time, in which requests may be held up
_CREDIT_SECONDS = 0.5  # so that costs are known soon after the start
_QUIET_SECONDS = 0.1  # without a request, to be taken for idle
_PATIENCE_SECONDS = 1.0  # before a step is taken while requests are under way
_LOOK_SECONDS = 0.02


@dataclass
class Activity:
    """The requests of the whole process."""

    clock: ports.Clock
    under_way: int = 0
    begun: int = 0
    last_end: float = float("-inf")

    def enter(self) -> None:
        """Note a request that begins."""
        self.under_way += 1
        self.begun += 1

    def leave(self) -> None:
        """Note a request that ended."""
        self.under_way -= 1
        self.last_end = self.clock()

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way, nor was a moment ago."""
        return not self.under_way and self.clock() - self.last_end >= _QUIET_SECONDS


class QuietMoments:
    """Hands out the moments of one process, one at a time."""

    def __init__(self, activity: Activity, worker: CompileWorker, gate: InferenceGate) -> None:
        self.activity = activity
        self._worker = worker
        self._gate = gate
        self._turn = asyncio.Lock()
        self._began = activity.clock()
        self._held_up = 0.0

    async def wait(self) -> bool:
        """Return when a step may be taken; whether the process is idle then."""
        since = self.activity.clock()
        while not self.activity.is_idle:
            now = self.activity.clock()
            allowed = _CREDIT_SECONDS + SHARE * (now - self._began)
            if now - since >= _PATIENCE_SECONDS and self._held_up <= allowed:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    @asynccontextmanager
    async def alone(self, guest: Guest) -> AsyncIterator[None]:
        """A moment in which nothing compiles and `guest` alone infers."""
        async with self._turn, self._worker.hold(), self._gate.alone(guest):
            began, was_idle = self.activity.clock(), self.activity.is_idle
            try:
                yield
            finally:
                if not (was_idle and self.activity.is_idle):
                    self._held_up += self.activity.clock() - began
