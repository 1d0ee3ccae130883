"""Asking, once everything is ready to take over, whether it shall.

A server alone always agrees with itself. Of several workers none takes a document into service before
all of them are ready to.
"""

import asyncio
from typing import Protocol

from batchwright_server.config.problems import InvalidDocument, Problem


class Consent(Protocol):
    """Whether what was made ready may take over."""

    async def ask(self) -> None:
        """Return when it may. Raises InvalidDocument if it must not."""


class Always:
    """Nobody else is concerned."""

    async def ask(self) -> None:
        return


class Vote:
    """Somebody else decides, by `decide`."""

    def __init__(self) -> None:
        self._decision: asyncio.Future[bool] | None = None
        self._asked = asyncio.Event()

    async def ask(self) -> None:
        self._decision = asyncio.get_running_loop().create_future()
        self._asked.set()
        try:
            agreed = await self._decision
        finally:
            self._asked.clear()
            self._decision = None
        if not agreed:
            raise InvalidDocument((Problem("", "another worker could not take it"),))

    async def asked(self) -> None:
        """Return when a decision is waited for."""
        await self._asked.wait()

    def decide(self, agreed: bool) -> bool:
        """Tell who asks; whether anybody did."""
        if self._decision is None or self._decision.done():
            return False
        self._decision.set_result(agreed)
        return True
