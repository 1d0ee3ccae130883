"""Asking again while a server is away, with a pause that doubles and a deadline over all."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from example_client import faults

DEADLINE_SECONDS = 10.0

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_SHORTEST_SECONDS = 0.001

Answer = TypeVar("Answer")


class Away(Exception):
    """The server does not answer just now; the message says how it is told if that lasts."""


def persist(attempt: Callable[[float], Answer]) -> Answer:
    """What `attempt` gives in the seconds that it is told are left; asked for again while it is Away.

    Raises ClientError with the last reason when the deadline comes first.
    """
    end = time.monotonic() + DEADLINE_SECONDS
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return attempt(max(end - time.monotonic(), _SHORTEST_SECONDS))
        except Away as away:
            # Not exactly: clients that were sent away together would come again together.
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
            if time.monotonic() + wait >= end:
                raise faults.ClientError(str(away)) from away
        time.sleep(wait)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
