"""Running one request through a pipeline's models.

A request has a bounded number of runs under way, however many shards it has, so that it never puts more
than these in front of another request. The first failure, or cancelling, ends all of them.
"""

import asyncio
from typing import Protocol

from batchwright_server.core.dag.blueprint import Blueprint
from batchwright_server.core.dag.flow import Flow, Run
from batchwright_server.core.dag.graph import Node
from batchwright_server.core.tensors import Tensor, Tensors
from batchwright_server.errors import NodeFailed, ServerError


class Models(Protocol):
    """The models that nodes call."""

    async def infer(self, node: Node, inputs: Tensors, deadline: float) -> dict[str, Tensor]:
        """The outputs of the node's model, like any client's. Raises ServerError."""


class Execution:
    """Runs requests of any pipeline, each with at most `width` runs under way."""

    def __init__(self, models: Models, width: int) -> None:
        self._models = models
        self._width = width

    async def run(self, blueprint: Blueprint, inputs: Tensors, deadline: float) -> dict[str, Tensor]:
        """The pipeline's outputs for valid inputs. Raises ServerError."""
        flow = Flow(blueprint, inputs)
        request = _Request(self._models, flow, name=blueprint.name, deadline=deadline)
        try:
            await request.run(self._width)
        except BaseExceptionGroup as failures:
            first = failures.exceptions[0]
            raise first from first.__cause__
        return flow.answer()


class _Request:
    """The runs of one request: as many workers as have something to do, up to the width."""

    def __init__(self, models: Models, flow: Flow, *, name: str, deadline: float) -> None:
        self._models = models
        self._flow = flow
        self._name = name
        self._deadline = deadline
        self._idle = 0

    async def run(self, width: int) -> None:
        self._idle = width
        async with asyncio.TaskGroup() as group:
            self._wake(group)

    def _wake(self, group: asyncio.TaskGroup) -> None:
        """A worker for each ready run that has none, within the width."""
        for _ in range(min(self._idle, self._flow.ready)):
            self._idle -= 1
            group.create_task(self._work(group))

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while self._flow.ready:
            run = self._flow.take()
            self._flow.finish(run, await self._infer(run))
            if self._flow.ready > 1:
                self._wake(group)
        self._idle += 1

    async def _infer(self, run: Run) -> dict[str, Tensor]:
        try:
            return await self._models.infer(run.node, run.inputs, self._deadline)
        except NodeFailed:
            raise
        except ServerError as error:
            reason = f"{_shard(run)}{error}"
            raise NodeFailed(self._name, run.node.name, error.kind, reason) from error


def _shard(run: Run) -> str:
    return f"shard {list(run.index)}: " if run.index else ""
