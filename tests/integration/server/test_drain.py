"""Servers that end while clients go on asking: nobody's call is lost."""

import asyncio
from collections import Counter
from pathlib import Path

import grpc
import numpy as np

from tests.support import models, serving, tfs

CLIENTS = 6
SERVERS = 8


async def _ask(target: str, outcomes: Counter[str], enough: asyncio.Event) -> None:
    """One client without retries of its own, connected anew whenever its server sends it away."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        client = tfs.TfsClient(channel)
        while not enough.is_set():
            try:
                await client.predict("m", x=np.ones((3, 4), np.float32))
                outcomes["OK"] += 1
            except grpc.aio.AioRpcError as error:
                outcomes[error.code().name] += 1


async def test_a_server_that_ends_answers_what_reached_it(tmp_path: Path) -> None:
    """A relay of servers on one port under load: each begins before the last one ends, no call fails."""
    folder = models.save(models.affine(), tmp_path / "m")
    config = serving.document(serving.model_config("m", folder, batching={"strategy": "dynamic"}))
    outcomes: Counter[str] = Counter()
    enough = asyncio.Event()
    port = serving.free_port()
    shared = ("--grpc_channel_arguments", "grpc.so_reuseport=1", "--port", str(port))
    clients: list[asyncio.Task[None]] = []
    async with serving.serve(tmp_path, config, *shared) as running:
        clients += [asyncio.create_task(_ask(running.target, outcomes, enough)) for _ in range(CLIENTS)]
        await _relay(tmp_path, config, shared, outcomes)
        enough.set()
        await asyncio.gather(*clients)

    assert set(outcomes) == {"OK"}
    assert outcomes["OK"] > SERVERS * CLIENTS


async def _relay(
    tmp_path: Path, config: dict[str, object], shared: tuple[str, ...], outcomes: Counter[str]
) -> None:
    for _ in range(SERVERS):
        async with serving.serve(tmp_path, config, *shared):
            seen = outcomes["OK"]
            async with asyncio.timeout(20):
                while outcomes["OK"] < seen + 50:
                    await asyncio.sleep(0.01)
