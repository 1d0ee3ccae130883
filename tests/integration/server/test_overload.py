"""A real server that is asked for ten times what it can do, under every strategy."""

import asyncio
import gc
from pathlib import Path
from typing import Any

import grpc
import pytest

from batchwright_server.engine.process_memory import ProcessMemory
from batchwright_server.runtime.strategies.port import Call
from tests.integration.server.test_limits import _resident_bytes as resident_bytes
from tests.integration.server.test_strategies import WAYS, WIDTH, rows
from tests.support import models, serving

MOST = 16  # requests that may wait
SAMPLES = 16
LAYERS = 100  # for a request to take longer than sending it does
BEGUN = 12  # requests that may run at once: two batches of coalesced samples, at most
WAVE = 10 * (MOST + BEGUN)
FEW_BYTES = 8 << 20
BOUNDED = {"queue": {"max_requests": MOST, "max_wait_seconds": 100}}


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("reload", "split")])
async def test_more_than_may_wait_is_refused_at_once(way: str, tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED before most of those inside are served; nothing piles up, wave after wave."""
    folder = models.save(models.deep(LAYERS, WIDTH), tmp_path / "deep")
    batching: dict[str, Any] = WAYS[way] | {"reload": BOUNDED}
    config = serving.document(serving.model_config("m", folder, batching=batching, nireq=1))
    async with serving.serve(tmp_path, config) as running:
        x = rows(SAMPLES)
        most_calls = 0

        async def ask(order: list[str]) -> None:
            nonlocal most_calls
            try:
                await running.client.predict("m", x=x)
                order.append("OK")
            except grpc.aio.AioRpcError as error:
                order.append(error.code().name)
                if len(order) % 20 == 0:
                    most_calls = max(most_calls, count_calls())

        async def overwhelm() -> list[str]:
            order: list[str] = []
            await asyncio.gather(*(ask(order) for _ in range(WAVE)))
            return order

        orders = [await overwhelm()]
        before = held_bytes()
        orders += [await overwhelm() for _ in range(2)]
        grown = held_bytes() - before
        left = count_calls()
        counted = await running.metric("batchwright_reload_queue_rejected_total", reason="full")

    for order in orders:
        assert set(order) == {"OK", "RESOURCE_EXHAUSTED"}
        assert order.count("OK") >= MOST
        refused = order.count("RESOURCE_EXHAUSTED")
        assert refused >= WAVE // 2
        assert order.index("RESOURCE_EXHAUSTED") < WAVE // 4
        assert order[-1] == "OK"
    assert counted == sum(order.count("RESOURCE_EXHAUSTED") for order in orders)
    assert MOST // 2 <= most_calls <= MOST + BEGUN
    assert left == 0
    assert grown < FEW_BYTES


def held_bytes() -> int:
    """What the process has, without what the allocator keeps of what was freed."""
    gc.collect()
    ProcessMemory().trim()
    return resident_bytes()


def count_calls() -> int:
    """The requests that the server holds."""
    return sum(isinstance(one, Call) for one in gc.get_objects())


@pytest.mark.parametrize("bounded_by", ["queue", "flag"])
@pytest.mark.parametrize("way", ["dynamic", "demultiplex_together"])
async def test_more_bytes_than_may_wait_are_refused_at_once(
    way: str, bounded_by: str, tmp_path: Path
) -> None:
    """RESOURCE_EXHAUSTED with the bytes that wait and the bound, long before as many requests wait."""
    folder = models.save(models.deep(LAYERS, WIDTH), tmp_path / "deep")
    x = rows(SAMPLES)
    most = 4 * x.nbytes
    queue = {"max_requests": 1000, "max_wait_seconds": 100}
    if bounded_by == "queue":
        queue["max_bytes"] = most
    batching: dict[str, Any] = WAYS[way] | {"reload": {"queue": queue}}
    config = serving.document(serving.model_config("m", folder, batching=batching, nireq=1))
    flags = ("--max_waiting_bytes", str(most)) if bounded_by == "flag" else ()
    async with serving.serve(tmp_path, config, *flags) as running:
        refused: list[str] = []

        async def ask() -> None:
            try:
                await running.client.predict("m", x=x)
            except grpc.aio.AioRpcError as error:
                refused.append(f"{error.code().name}: {error.details()}")

        await asyncio.gather(*(ask() for _ in range(WAVE)))
        counted = await running.metric("batchwright_reload_queue_rejected_total", reason="bytes")
        left = await running.metric("batchwright_waiting_bytes")

    assert WAVE // 2 <= len(refused) <= WAVE - 4
    assert all(text.startswith("RESOURCE_EXHAUSTED: ") for text in refused)
    assert all(f"expected {most} at most, got {x.nbytes} more; retry later" in text for text in refused)
    assert counted == len(refused)
    assert left == 0
