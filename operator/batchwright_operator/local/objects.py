"""The objects that `batchwright up` keeps, each by a task of its own."""

import asyncio
from contextlib import suppress
from functools import partial

from batchwright_operator.cluster.local import LocalCluster
from batchwright_operator.controller.run import Controller, Run
from batchwright_operator.local.addresses import Addresses
from batchwright_operator.local.keeper import Keeper
from batchwright_operator.local.placement import Placement
from batchwright_operator.local.view import View
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer


class Objects:
    """The objects that are kept. They come and go as the manifests say."""

    def __init__(
        self, controller: Controller, cluster: LocalCluster, placement: Placement, view: View
    ) -> None:
        self._controller = controller
        self._cluster = cluster
        self._placement = placement
        self._view = view
        self._addresses = Addresses()
        self._keepers: dict[ObjectKey, Keeper] = {}
        self._tasks: dict[ObjectKey, asyncio.Task[None]] = {}

    @property
    def servers(self) -> tuple[ModelServer, ...]:
        """The objects as they are wanted now."""
        return tuple(keeper.server for keeper in self._keepers.values())

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """The tasks that keep the objects."""
        return tuple(self._tasks.values())

    def add(self, server: ModelServer) -> None:
        """Keep one more object."""
        keeper = Keeper(
            server,
            self._controller,
            self._placement,
            publish=self._publish,
            complain=partial(self._view.complain, about=server.name),
        )
        self._keepers[server.key] = keeper
        self._tasks[server.key] = asyncio.create_task(keeper.run(), name=str(server.key))
        self._view.say(self._addresses.begin(server))

    async def replace(self, servers: tuple[ModelServer, ...]) -> None:
        """Keep these objects and no others."""
        for key in set(self._keepers) - {server.key for server in servers}:
            await self._remove(key)
        for server in servers:
            keeper = self._keepers.get(server.key)
            if keeper is None:
                self.add(server)
            elif keeper.edit(server):
                self._view.say(f"{server.name}: the edit is taken")

    async def close(self) -> None:
        """Stop keeping them, end their pods, and say so in each status."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self._cluster.close()
        for key in self._keepers:
            with suppress(OSError):  # a disk that is full: what matters is that the pods have ended
                await self._controller.stop(key)

    def _publish(self, run: Run) -> None:
        moved = self._addresses.news(run)
        if moved:
            self._view.say(moved)
        self._view.publish(run)

    async def _remove(self, key: ObjectKey) -> None:
        self._view.say(f"{key.name}: removed, its pods are ended")
        task = self._tasks.pop(key)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._cluster.remove(key)
        await self._controller.stop(key)
        del self._keepers[key]  # only now: what is interrupted is ended and told with the others
        self._view.forget(key.name)
