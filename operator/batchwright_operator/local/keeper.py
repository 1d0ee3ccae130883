"""The loop of one object: run the controller when it is due, or when the object was edited."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from batchwright_operator.controller.cadence import tick_seconds
from batchwright_operator.controller.run import Controller, Run
from batchwright_operator.local.generations import with_generations
from batchwright_operator.local.placement import Placement
from batchwright_operator.resources.modelserver import ModelServer

_RETRY_SECONDS = 1.0

Publish = Callable[[Run], None]
Complain = Callable[[str], None]


class Keeper:
    """Keeps one object. What each run found is given to `publish`."""

    def __init__(
        self,
        server: ModelServer,
        controller: Controller,
        placement: Placement,
        *,
        publish: Publish,
        complain: Complain,
    ) -> None:
        self._server = server
        self._controller = controller
        self._placement = placement
        self._publish = publish
        self._complain = complain
        self._edited = asyncio.Event()

    @property
    def server(self) -> ModelServer:
        """The object as it is wanted now."""
        return self._server

    def edit(self, server: ModelServer) -> bool:
        """Want `server` from now on; whether that is a change."""
        edited = with_generations(server, self._server)
        if edited == self._server:
            return False
        self._server = edited
        self._edited.set()
        return True

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            due = await self._run_once()
            with suppress(TimeoutError):
                async with asyncio.timeout(due):
                    await self._edited.wait()
            self._edited.clear()

    async def _run_once(self) -> float:
        try:
            settings = self._placement.settings(self._server)
            run = await self._controller.run(self._server, settings)
        except OSError as error:  # a full disk, a state directory that went away: it may pass
            self._complain(f"{self._server.name}: {error}; trying again")
            return _RETRY_SECONDS
        self._publish(run)
        # Looking costs nothing here, and nobody tells when a pod has died.
        return min(run.next_in, tick_seconds(self._server))
