"""Waiting for something to become true, with a deadline instead of a sleep."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def eventually(
    check: Callable[[], Awaitable[bool]], *, seconds: float = 20.0, interval: float = 0.02
) -> None:
    """Return once `check` gives True; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not await check():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s: {check}")
        await asyncio.sleep(interval)


async def remains(check: Callable[[], bool], *, seconds: float, interval: float = 0.05) -> None:
    """Return after `seconds` in which `check` gave True all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert check(), f"not true any more: {check}"
        await asyncio.sleep(interval)
