"""The load: a process of its own that sends the same bytes again and again, as leanly as Python can.

`python -m benchmarks.serving.loadclient` reads one job a line from standard input and answers each with
one line. Messages are serialised before the clock starts and answers are never parsed, so that what the
load itself costs is small; its processor time is in every answer all the same.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import uvloop

Send = Callable[[int], Awaitable[None]]  # the request with this index, and until its answer is there

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # a connection for each client, as clients have
)


@dataclass(frozen=True)
class Job:
    """What to send where. Files hold one serialised request each; clients draw from them in turn."""

    protocol: str  # grpc, or http
    target: str  # host:port, or a URL
    method: str  # of gRPC; of HTTP: the content type
    files: tuple[str, ...]
    clients: int
    seconds: float
    warmup_seconds: float = 0.5
    seed: int = 1


@dataclass(frozen=True)
class Outcome:
    """What came of a job, after warming up. Latencies in seconds, one for each request."""

    requests: int
    failures: int
    seconds: float
    cpu_seconds: float  # of this process
    by_file: tuple[int, ...]  # requests answered
    latencies: tuple[float, ...]
    error: str = ""


class _Tally:
    """Counts what is answered while the clock runs."""

    def __init__(self, files: int) -> None:
        self.is_counting = False
        self.is_over = False
        self.by_file = [0] * files
        self.latencies: list[float] = []
        self.failures = 0
        self.error = ""


async def run(job: Job) -> Outcome:
    """Do a job."""
    messages = [Path(file).read_bytes() for file in job.files]  # noqa: ASYNC240  before the clock starts
    tally = _Tally(len(messages))
    async with AsyncExitStack() as stack:
        senders = [await _connect(stack, job, messages) for _ in range(job.clients)]
        tasks = [
            asyncio.create_task(_ask(send, _order(job, client), tally))
            for client, send in enumerate(senders)
        ]
        await asyncio.sleep(job.warmup_seconds)
        began, worked = time.perf_counter(), time.process_time()
        tally.is_counting = True
        await asyncio.sleep(job.seconds)
        tally.is_counting = False
        took, work = time.perf_counter() - began, time.process_time() - worked
        tally.is_over = True
        await asyncio.gather(*tasks)
    latencies = tuple(round(latency, 7) for latency in tally.latencies)
    return Outcome(
        len(latencies), tally.failures, took, work, tuple(tally.by_file), latencies, tally.error
    )


def _order(job: Job, client: int) -> Sequence[int]:
    """The files in an order of each client's own, the same in every run."""
    order = list(range(len(job.files)))
    random.Random(f"{job.seed} {client}").shuffle(order)  # noqa: S311  no secret
    return order


async def _ask(send: Send, order: Sequence[int], tally: _Tally) -> None:
    for index in itertools.cycle(order):
        if tally.is_over:
            return
        began = time.perf_counter()
        try:
            await send(index)
        except (grpc.aio.AioRpcError, aiohttp.ClientError) as error:
            tally.failures += tally.is_counting
            tally.error = repr(error)[:500]
            await asyncio.sleep(0.01)  # a server that refuses is not to be hammered
            continue
        if tally.is_counting:
            tally.latencies.append(time.perf_counter() - began)
            tally.by_file[index] += 1


async def _connect(stack: AsyncExitStack, job: Job, messages: Sequence[bytes]) -> Send:
    if job.protocol == "http":
        session = await stack.enter_async_context(
            aiohttp.ClientSession(headers={"Content-Type": job.method}, raise_for_status=True)
        )

        async def post(index: int) -> None:
            async with session.post(job.target, data=messages[index]) as answer:
                await answer.read()

        return post
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(job.target, _OPTIONS))
    call: Any = channel.unary_unary(job.method, None, None)  # bytes as they are

    async def ask(index: int) -> None:
        await call(messages[index])

    return ask


def main() -> None:
    """Do the jobs of standard input until it ends."""
    for line in sys.stdin:
        given = json.loads(line)
        job = Job(**given | {"files": tuple(given["files"])})
        print(json.dumps(asdict(uvloop.run(run(job)))), flush=True)  # noqa: T201  what it is for


if __name__ == "__main__":
    main()
