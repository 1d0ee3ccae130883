"""A pause of the server is in the latencies of everybody who was meant to be served in it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import pytest

from batchwright_bench.figures.outcomes import Outcome
from batchwright_bench.load.arrivals import Arrivals, arrive
from batchwright_bench.load.sizes import InTurn
from batchwright_bench.remote.driver import Bounds, Run
from batchwright_bench.remote.protocols import Protocol

RATE = 100.0
STALL = 1.0
BOUNDS = Bounds(seconds=3.0)
SLOW = 0.2
SIZES = InTurn((1,))


@dataclass
class StallingModel:
    """Answers at once, but from its fiftieth request on nothing for a second."""

    asked: int = 0
    stalled_until: float = 0.0

    async def answer(self, request: bytes, context: object) -> bytes:
        del context
        self.asked += 1
        now = asyncio.get_running_loop().time()
        if self.asked == 50:
            self.stalled_until = now + STALL
        await asyncio.sleep(max(self.stalled_until - now, 0.0))
        return request


@asynccontextmanager
async def _run() -> AsyncIterator[Run]:
    """A run on a server that stalls once."""
    server = grpc.aio.server()
    _, service, method = Protocol.TFS.path.split("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(StallingModel().answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Run(channel, Protocol.TFS.path, {1: b"one"}, BOUNDS)
    await server.stop(None)


def _slow(outcomes: list[Outcome]) -> float:
    """The share of requests that took long."""
    return sum(one.nanoseconds > SLOW * 1e9 for one in outcomes) / len(outcomes)


@pytest.mark.parametrize("outstanding", [1, 1000])
async def test_an_open_loop_has_a_pause_in_all_its_latencies(outstanding: int) -> None:
    """Of 3 s with a pause of 1 s, all who were due in its first 0.8 s waited 0.2 s or longer."""
    async with _run() as run:
        due = ((seconds, 1) for seconds in arrive(Arrivals.CONSTANT, RATE, itertools.repeat(0.0)))
        await run.open(due, outstanding)

    assert len(run.outcomes) == BOUNDS.seconds * RATE
    assert _slow(run.outcomes) >= (STALL - SLOW) / BOUNDS.seconds - 0.02
    assert max(one.nanoseconds for one in run.outcomes) >= STALL * 0.95e9


async def test_a_closed_loop_hides_it() -> None:
    """One client asks nothing while it waits, so one latency in hundreds has the pause."""
    async with _run() as run:
        await run.closed(SIZES, itertools.repeat(0.0), concurrency=1)

    slowest, *_, fast = sorted((one.nanoseconds for one in run.outcomes), reverse=True)
    assert slowest >= STALL * 0.95e9
    assert fast < SLOW * 1e9
    assert _slow(run.outcomes) < 0.1
