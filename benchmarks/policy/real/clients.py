"""The clients of a trace, against a real server: who asks, when, and for how long somebody waits.

They do what the simulated server's clients do (benchmarks/policy/server.py), over gRPC.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

import grpc

from batchwright_server.config.plan import Plan
from benchmarks.policy.scripts import Item, Script
from benchmarks.serving.messages import PREDICT

Send = Callable[[int], Awaitable[None]]  # a request of so many samples, and until its answer is there

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # a connection for each client, as clients have
)


class Clients:
    """As many clients as the script wants, each with one request at a time."""

    def __init__(self, script: Script, plan: Plan, senders: list[Send]) -> None:
        self._script = script
        self._plan = plan
        self._senders = senders
        self._wanted = 1
        self._alive = 0
        self._in_flight = 0
        self._busy = 0.0
        self._since = 0.0
        self._marks: list[float] = []  # busy seconds when each window of the script began

    async def run(self) -> tuple[float, ...]:
        """Ask for all of the script; gives the seconds with requests in the server, by its windows."""
        async with asyncio.TaskGroup() as group:
            self._arrive(group)
        marks = [*self._marks, self._busy]
        return tuple(later - earlier for earlier, later in pairwise(marks))

    def _arrive(self, group: asyncio.TaskGroup) -> None:
        while self._alive < self._wanted:
            self._alive += 1
            group.create_task(self._ask(group, self._senders.pop()))

    async def _ask(self, group: asyncio.TaskGroup, send: Send) -> None:
        while self._alive <= self._wanted:
            item = self._script.next(self._plan)
            if item is None:
                self._wanted = 0
                break
            if item.clients != self._wanted:
                self._wanted = item.clients
                self._arrive(group)
            await self._send(item, send)
            if item.pause:
                await asyncio.sleep(item.pause)
        self._alive -= 1
        self._senders.append(send)

    async def _send(self, item: Item, send: Send) -> None:
        self._count(1)
        while len(self._marks) <= item.window:
            self._marks.append(self._busy)
        try:
            await send(item.size)
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        now = asyncio.get_running_loop().time()
        self._busy += (now - self._since) * (self._in_flight > 0)
        self._since = now
        self._in_flight += change


async def connect(stack: AsyncExitStack, port: int, messages: Mapping[int, bytes]) -> Send:
    """A client that is connected; `messages` are serialised requests by their batch size."""
    channel = await stack.enter_async_context(
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=_OPTIONS)
    )
    await channel.channel_ready()
    call: Any = channel.unary_unary(PREDICT, None, None)  # bytes as they are

    async def send(size: int) -> None:
        await call(messages[size])

    return send
