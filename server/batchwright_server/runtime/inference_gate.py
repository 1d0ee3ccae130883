"""One gate for all compiled models of a process: it bounds the inferences in flight.

Each compiled model has threads of its own for each of its streams. Were all to infer at once, each
would wait for processors that the others have. So an inference counts with the processors that one
stream of its model has, and all together may ask for twice what there is: one that infers, one that
waits in OpenVINO's queue, so that no processor idles for Python. Models that wait take turns, one
inference each.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

_DEPTH = 2  # inferences for each stream that could run


class Guest(Protocol):
    """A compiled model that wants to infer."""

    @property
    def share(self) -> int:
        """The processors of one of its inferences."""

    @property
    def wants_more(self) -> bool:
        """Whether it could begin another inference now."""

    def start_one(self) -> bool:
        """Begin an inference; whether there was one to begin."""


class InferenceGate:
    """Lets inferences begin, in turns; `cores` None: any number, at once."""

    def __init__(self, cores: int | None = None) -> None:
        self._cores = cores
        self._used = 0
        self._waiting: dict[Guest, None] = {}  # in the order of their turns
        self._host: Guest | None = None  # nobody else may infer
        self._one_host_at_a_time = asyncio.Lock()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def used(self) -> int:
        """The processors that all inferences in flight ask for."""
        return self._used

    def share_of(self, streams: int) -> int:
        """The processors of one inference on a model with that many streams."""
        return max(1, self._cores // max(1, streams)) if self._cores else 0

    def enter(self, guest: Guest) -> bool:
        """Whether `guest` may begin an inference now; if not, its `start_one` is called in its turn."""
        if self._may_enter(guest) and (not self._waiting or guest is self._host):
            self._take(guest)
            return True
        self._waiting.setdefault(guest)
        return False

    def leave(self, guest: Guest) -> None:
        """Note that an inference ended."""
        self._used -= guest.share
        if not self._used:
            self._empty.set()
        self._admit()

    @asynccontextmanager
    async def alone(self, host: Guest) -> AsyncIterator[None]:
        """A moment in which `host` alone infers: what runs is finished first, others wait."""
        async with self._one_host_at_a_time:
            self._host = host
            try:
                await self._empty.wait()
                yield
            finally:
                self._host = None
                self._admit()

    def _may_enter(self, guest: Guest) -> bool:
        if self._host is not None and guest is not self._host:
            return False
        if self._cores is None or not self._used:
            return True
        return self._used + guest.share <= _DEPTH * self._cores

    def _take(self, guest: Guest) -> None:
        self._used += guest.share
        if self._used:
            self._empty.clear()

    def _admit(self) -> None:
        while self._waiting:
            guest = next(iter(self._waiting))
            if not self._may_enter(guest):
                return
            del self._waiting[guest]
            self._take(guest)
            if not guest.start_one():
                self._used -= guest.share
                if not self._used:
                    self._empty.set()
            elif guest.wants_more:
                self._waiting[guest] = None
