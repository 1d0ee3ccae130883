"""From the start of a process to the signal that ends it."""

import asyncio
import logging
import signal
from typing import Protocol

from batchwright_server.config.problems import InvalidDocument

_log = logging.getLogger(__name__)


class Served(Protocol):
    """What a process is there for."""

    async def start(self) -> None:
        """Begin. Raises InvalidDocument or OSError."""
        ...

    async def stop(self) -> None:
        """End in order, however far starting came."""
        ...


def listen_for_end() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set from now on."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    return ended


async def live(served: Served, ended: asyncio.Event, farewell: str) -> int:
    """Run until `ended`, which may come while it starts; gives the exit code. `farewell` is logged."""
    starting = asyncio.create_task(served.start(), name="start")
    ending = asyncio.create_task(ended.wait(), name="end")
    try:
        await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            await ending
        _log.info("%s", farewell)
    except (InvalidDocument, OSError) as error:
        _log.error("cannot start: %s", error)
        return 1
    finally:
        await cancel(starting)
        await served.stop()
    return 0


async def cancel(task: asyncio.Task[None]) -> None:
    """End `task`; whatever became of it is of no interest any more."""
    task.cancel()
    await asyncio.wait((task,))
