"""Until when a client waits, on the event loop's clock."""

import asyncio
from typing import Any

import grpc

from batchwright_server.runtime.strategies.port import FOREVER


def of_call(context: "grpc.aio.ServicerContext[Any, Any]") -> float:
    """The deadline of a gRPC call; FOREVER where the client set none."""
    remaining: float | None = context.time_remaining()
    return FOREVER if remaining is None else asyncio.get_running_loop().time() + remaining
