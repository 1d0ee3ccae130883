"""The reload queue of a real server, with a model that takes its time to compile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from tests.support import models, serving, tfs
from tests.support.polling import eventually

WIDTH = 256


def rows(count: int) -> tfs.Array:
    return np.full((count, WIDTH), 0.5, np.float32)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    folder = models.save(models.deep(width=WIDTH), tmp_path / "deep")
    batching = {
        "strategy": "reload",
        "reload": {"compiled_cache": {"max_entries": 1}, "queue": {"max_requests": 8}},
    }
    config = serving.document(serving.model_config("deep", folder, batching=batching))
    async with serving.serve(tmp_path, config) as running:
        yield running


async def rejected(server: serving.Serving, reason: str) -> float:
    return await server.metric("batchwright_reload_queue_rejected_total", reason=reason)


async def depth(server: serving.Serving) -> float:
    return await server.metric("batchwright_reload_queue_depth", model="deep")


async def test_a_client_that_disconnects_leaves_the_queue(server: serving.Serving) -> None:
    """Its request is dropped from the queue, the metric shows it, and its size is never compiled."""
    ahead = [
        asyncio.create_task(server.client.predict("deep", x=rows(size))) for size in (2, 3, 4, 5, 6)
    ]
    await eventually(lambda: _is(depth, server, at_least=5))
    async with grpc.aio.insecure_channel(server.target) as channel:
        gone = asyncio.create_task(tfs.TfsClient(channel).predict("deep", x=rows(64)))
        await eventually(lambda: _is(seen, server, at_least=6))
    await asyncio.gather(gone, return_exceptions=True)  # its channel is closed now

    await eventually(lambda: _is(rejected_by_cancelling, server, at_least=1))
    await asyncio.gather(*ahead)

    assert await depth(server) == 0
    assert (await server.model_signals("deep")).counters.reloads == 5
    assert 64 not in (await server.model_signals("deep")).counters.requests


async def seen(server: serving.Serving) -> float:
    return await server.metric("batchwright_in_flight") + await server.metric(
        "batchwright_samples_total"
    )


async def rejected_by_cancelling(server: serving.Serving) -> float:
    return await rejected(server, "cancelled")


async def _is(figure: object, server: serving.Serving, *, at_least: float) -> bool:
    value: float = await figure(server)  # type: ignore[operator]  # one of those above
    return value >= at_least


async def test_a_full_queue_refuses_and_serves_those_inside(server: serving.Serving) -> None:
    """Beyond the bound the answer is RESOURCE_EXHAUSTED at once; nobody inside is lost."""
    sizes = range(2, 22)
    tasks = [asyncio.create_task(server.client.predict("deep", x=rows(size))) for size in sizes]

    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    refused = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    served = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    assert {error.code() for error in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert len(refused) == await rejected(server, "full")
    assert len(served) >= 8
    assert len(served) + len(refused) == len(sizes)


async def test_a_deadline_is_kept_in_the_queue(server: serving.Serving) -> None:
    """A request whose deadline passes in the queue ends then, and is not compiled for."""
    ahead = [
        asyncio.create_task(server.client.predict("deep", x=rows(size))) for size in (2, 3, 4, 5, 6)
    ]
    await eventually(lambda: _is(depth, server, at_least=3))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.client.predict("deep", x=rows(64), timeout=0.02)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.gather(*ahead)
    assert (await server.model_signals("deep")).counters.reloads == 5


async def test_requests_that_wait_are_taken_over_when_their_model_is_replaced(
    server: serving.Serving, tmp_path: Path
) -> None:
    """A network loaded anew answers what waits in the old one's queue, and nobody fails."""
    enough = asyncio.Event()

    async def ask(size: int) -> None:
        while not enough.is_set():
            await server.client.predict("deep", x=rows(size))

    clients = [asyncio.create_task(ask(size)) for size in (2, 3, 4, 5, 6)]
    for nireq in (3, 4, 5):
        await eventually(lambda: _is(depth, server, at_least=3))
        batching = {"strategy": "reload", "reload": {"compiled_cache": {"max_entries": 1}}}
        anew = serving.model_config("deep", tmp_path / "deep", batching=batching, nireq=nireq)
        status, body = await server.reload(serving.document(anew))
        assert status == 201, body
    enough.set()

    await asyncio.gather(*clients)
    assert (await server.model_signals("deep")).counters.failed_requests == 0


async def test_waiting_requests_of_one_size_share_a_reload(server: serving.Serving) -> None:
    """Six clients that ask for the same new size at once cost one reload."""
    answers = await asyncio.gather(*(server.client.predict("deep", x=rows(7)) for _ in range(6)))

    assert (await server.model_signals("deep")).counters.reloads == 1
    for answer in answers:
        np.testing.assert_array_equal(answer["y"], answers[0]["y"])
