"""Answers to a stream of requests: several are worked on at once, and told in the order they came."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from batchwright_server.errors import ServerEnding

Q = TypeVar("Q")
A = TypeVar("A")

MOST_AT_ONCE = 16  # of a stream; more are not read before one of these is told


async def ordered_answers(
    requests: AsyncIterator[Q],
    answer: Callable[[Q], Coroutine[Any, Any, A]],
    ending: asyncio.Event,
) -> AsyncGenerator[A, None]:
    """The answers to `requests`. Closing it ends what is worked on.

    Raises ServerEnding, once `ending` is set and what was read until then is answered.
    """
    told: asyncio.Queue[asyncio.Task[A] | None] = asyncio.Queue()  # in order; None: no more come
    room = asyncio.Semaphore(MOST_AT_ONCE - 1)
    working: set[asyncio.Task[A]] = set()

    async def read() -> None:
        try:
            async for request in _until(ending, requests):
                task = asyncio.create_task(answer(request))
                working.add(task)
                told.put_nowait(task)
                await room.acquire()
        finally:
            told.put_nowait(None)

    reading = asyncio.create_task(read())
    try:
        while (task := await told.get()) is not None:
            yield await task
            working.discard(task)
            room.release()
        await reading
    finally:
        for left in (reading, *working):
            left.cancel()
        await asyncio.gather(reading, *working, return_exceptions=True)


async def _until(ending: asyncio.Event, requests: AsyncIterator[Q]) -> AsyncIterator[Q]:
    ended = asyncio.create_task(ending.wait())
    try:
        while True:
            coming = asyncio.create_task(_next(requests))
            await asyncio.wait({coming, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                raise ServerEnding
            if (found := coming.result()) is None:
                return
            yield found
    finally:
        ended.cancel()


async def _next(requests: AsyncIterator[Q]) -> Q | None:
    return await anext(requests, None)
