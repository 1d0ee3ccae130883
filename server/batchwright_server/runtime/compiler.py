"""Compiling, off every request's path: one worker thread for the whole process.

One at a time on purpose: compiling uses the processors that inference needs, and two at once finish no
sooner. What takes longer than anything takes is given up, and another thread goes on with the rest; the
first cannot be ended, and goes on by itself.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from batchwright_server import errors

T = TypeVar("T")

_log = logging.getLogger(__name__)

LONGEST_SECONDS = 900.0  # large models on small machines take minutes
ENDING_SECONDS = 20.0  # for what is compiled when the process ends

_Job = tuple[Callable[[], Any], "Future[Any]"]


class _Thread:
    """Does jobs in their order until it is told to stop; the process's end waits for none of them."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="compile", daemon=True)
        self._thread.start()

    def submit(self, task: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        self._jobs.put((task, future))
        return future

    def stop(self) -> None:
        self._jobs.put(None)

    def join(self, seconds: float) -> bool:
        """Whether it ended within that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            _do(*job)
            del job  # what came of it is for others to keep


def _do(task: Callable[[], T], future: "Future[T]") -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = task()
    except BaseException as error:  # noqa: BLE001  for who waits
        future.set_exception(error)
    else:
        future.set_result(result)


class CompileWorker:
    """The thread that reads and compiles models."""

    def __init__(self, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._longest_seconds = longest_seconds
        self._thread = _Thread()
        self._turn = asyncio.Lock()
        self.begun = 0  # tasks so far

    @property
    def is_busy(self) -> bool:
        """Whether it works, or is kept from it."""
        return self._turn.locked()

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """A time in which nothing is done here."""
        async with self._turn:
            yield

    async def run(self, task: Callable[[], T]) -> T:
        """The result of `task`, run on the worker. Cancelling stops the waiting, not the work.

        Raises CompilationFailed if nothing comes of it.
        """
        await self._turn.acquire()
        self.begun += 1
        running = asyncio.create_task(self._run(task), name="compile")
        running.add_done_callback(self._pass_turn)
        return await asyncio.shield(running)

    def close(self) -> None:
        """Let the current task finish and end the thread."""
        self._thread.stop()
        if not self._thread.join(ENDING_SECONDS):
            _log.warning("a model that is still compiled is not waited for")

    async def _run(self, task: Callable[[], T]) -> T:
        future = self._thread.submit(task)
        await asyncio.wait({asyncio.wrap_future(future)}, timeout=self._longest_seconds)
        if future.done():
            return future.result()
        self._thread.stop()
        self._thread = _Thread()
        _log.error("compiling was given up after %g s; it may go on in vain", self._longest_seconds)
        raise errors.CompilationFailed("a model", f"given up after {self._longest_seconds:g} s")

    def _pass_turn(self, running: "asyncio.Task[Any]") -> None:
        self._turn.release()
        if not running.cancelled():
            running.exception()  # retrieved, also where nobody waits any more
