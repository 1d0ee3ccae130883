"""Compiling, off every request's path: one worker thread for the whole process.

One at a time on purpose: compiling uses the processors that inference needs, and two at once finish no
sooner.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class CompileWorker:
    """The thread that reads and compiles models."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compile")

    async def run(self, task: Callable[[], T]) -> T:
        """The result of `task`, run on the worker. Cancelling stops the waiting, not the work."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, task)

    def close(self) -> None:
        """Let the current task finish and end the thread."""
        self._thread.shutdown(wait=True, cancel_futures=True)
