"""Runs of keys that are due, some at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from batchwright_operator.workqueue.keyed import KeyedQueue

Key = TypeVar("Key", bound=Hashable)

_log = logging.getLogger(__name__)
_END_SECONDS = 1.0  # for runs that were cancelled


@dataclass(frozen=True)
class Again:
    """The run went well; the next one is due in `seconds`, None: when it is asked for."""

    seconds: float | None


@dataclass(frozen=True)
class Failed:
    """The run is to be tried again after the key's back-off, and not before `at_least` seconds."""

    at_least: float = 0.0


@dataclass(frozen=True)
class Gone:
    """There is nothing to run any more; what is asked for from now on counts anew."""


Outcome = Again | Failed | Gone


class Workers(Generic[Key]):
    """Up to `count` runs at a time, each ended after `limit_seconds`."""

    def __init__(
        self,
        queue: KeyedQueue[Key],
        run: Callable[[Key], Awaitable[Outcome]],
        *,
        clock: Callable[[], float],
        count: int,
        limit_seconds: float = 300.0,
    ) -> None:
        self._queue = queue
        self._run = run
        self._clock = clock
        self._count = count
        self._limit = limit_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._is_stopped = False

    def add(self, key: Key) -> None:
        """Run it as soon as can be."""
        self._queue.add(key)
        self._changed.set()

    def add_at(self, key: Key, when: float) -> None:
        """Run it at `when` by the clock, or earlier if that was asked for before."""
        self._queue.add_at(key, when)
        self._changed.set()

    async def serve(self) -> None:
        """Begin runs until stopped."""
        while not self._is_stopped:
            self._changed.clear()
            self._begin_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._changed.wait()

    async def stop(self, seconds: float) -> None:
        """Begin no more runs, and give those under way `seconds` to end before they are cancelled."""
        self._is_stopped = True
        self._changed.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_END_SECONDS)

    def _pause(self) -> float | None:
        """Seconds until there is something to do by itself; None: only a change brings it."""
        return self._queue.next_in() if len(self._tasks) < self._count else None

    def _begin_due(self) -> None:
        while not self._is_stopped and len(self._tasks) < self._count:
            key = self._queue.take()
            if key is None:
                return
            task = asyncio.create_task(self._run_one(key), name=f"run {key}")
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()

    async def _run_one(self, key: Key) -> None:
        outcome: Outcome = Failed()
        limit = asyncio.timeout(self._limit)
        try:
            async with limit:
                outcome = await self._run(key)
        except Exception as error:  # noqa: BLE001  a fault in one object leaves the others alone
            fields = {"object": str(key), "seconds": self._limit}
            said = "The run took too long and was ended" if limit.expired() else "The run failed"
            _log.error(said, exc_info=error, extra={"fields": fields})
        finally:
            self._settle(key, outcome)

    def _settle(self, key: Key, outcome: Outcome) -> None:
        match outcome:
            case Again(seconds):
                self._queue.done(key)
                if seconds is not None:
                    self._queue.add_at(key, self._clock() + seconds)
            case Failed(at_least):
                self._queue.fail(key, at_least=at_least)
            case Gone():
                self._queue.done(key)
