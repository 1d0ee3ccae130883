"""Servers that end while clients go on asking: nobody's call is lost."""

import asyncio
import signal
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import grpc
import numpy as np

from tests.support import models, server_process, serving, tfs
from tests.support.polling import eventually

CLIENTS = 8
SERVERS = 6


async def _ask(target: str, outcomes: Counter[str], enough: asyncio.Event) -> None:
    """One client without retries of its own, connected anew whenever its server sends it away."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    request = tfs.predict_request("m", x=np.ones((2000, 4), np.float32))
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        client = tfs.TfsClient(channel)
        while not enough.is_set():
            try:
                # A connection that the kernel had queued for who ends is made anew, with no call on it.
                await client.prediction.Predict(request, timeout=30, wait_for_ready=True)
                outcomes["OK"] += 1
            except grpc.aio.AioRpcError as error:
                outcomes[f"{error.code().name}: {error.details()}"] += 1


async def test_a_server_that_ends_answers_what_reached_it(tmp_path: Path) -> None:
    """A relay of servers on one port under load: each begins before the last one ends, no call fails."""
    folder = models.save(models.affine(), tmp_path / "m")
    port = serving.free_port()
    model = ["--model_name", "m", "--model_path", str(folder), "--batch_size", "-1"]
    flags = [*model, "--port", str(port), "--grpc_channel_arguments", "grpc.so_reuseport=1"]
    outcomes: Counter[str] = Counter()
    enough = asyncio.Event()
    clients: list[asyncio.Task[None]] = []
    with ExitStack() as processes:
        running = None
        for _ in range(SERVERS):
            rest_port = serving.free_port()
            process = server_process.run(tmp_path, *flags, "--rest_port", str(rest_port))
            following = processes.enter_context(process)
            await eventually(partial(server_process.is_ready, rest_port))
            if not clients:
                target = f"127.0.0.1:{port}"
                clients = [asyncio.create_task(_ask(target, outcomes, enough)) for _ in range(CLIENTS)]
            await _more(outcomes, 300)
            if running is not None:
                running.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(running.wait, 20) == 0
            running = following
        await _more(outcomes, 100)
        enough.set()
        await asyncio.gather(*clients)

    assert set(outcomes) == {"OK"}


async def _more(outcomes: Counter[str], count: int) -> None:
    seen = outcomes.total()

    async def has_more() -> bool:
        return outcomes.total() >= seen + count

    await eventually(has_more)
