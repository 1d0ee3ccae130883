"""Reading and converting large bodies without holding up the event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

_QUICK_BYTES = 1 << 20  # what is converted faster than a thread is asked to

T = TypeVar("T")


async def read(request: web.Request, most: int | None = None) -> bytes:
    """The whole body, of `most` bytes at most where that is less than any body may have.

    Raises HTTPRequestEntityTooLarge, before reading where the length is announced.
    """
    limit = request.client_max_size if most is None else min(most, request.client_max_size)
    announced = request.content_length or 0
    if announced > limit:
        raise web.HTTPRequestEntityTooLarge(limit, announced)
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise web.HTTPRequestEntityTooLarge(limit, size)
        chunks.append(chunk)
    return b"".join(chunks)


async def convert(size: int, conversion: Callable[[], T]) -> T:
    """The result of `conversion`, run in a thread where it works on many bytes."""
    if size <= _QUICK_BYTES:
        return conversion()
    return await asyncio.to_thread(conversion)
