"""Every sample's answer comes back to its own request, in its own row: the promise above all others."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import models, serving, tfs

COALESCE = {"coalesce": {"max_batch_size": 8, "max_delay_seconds": 0.001}}
CACHE: dict[str, Any] = {"compiled_cache": {"max_entries": 2}}
PLANS: dict[str, dict[str, Any]] = {
    "reload": {"strategy": "reload", "reload": CACHE},
    "split": {"strategy": "reload", "reload": CACHE | {"on_miss": "split"}},
    "demultiplex": {"strategy": "demultiplex"},
    "demultiplex together": {"strategy": "demultiplex"} | COALESCE,
    "dynamic": {"strategy": "dynamic"},
    "dynamic together": {"strategy": "dynamic"} | COALESCE,
    "buckets": {"strategy": "buckets", "buckets": {"sizes": [2, 5]}},
    "buckets together": {"strategy": "buckets", "buckets": {"sizes": [2, 5]}} | COALESCE,
}
REQUESTS_PER_CLIENT = 8

Sizes = list[list[int]]  # of each client, in order
clients = st.lists(
    st.lists(st.integers(1, 12), min_size=REQUESTS_PER_CLIENT, max_size=REQUESTS_PER_CLIENT),
    min_size=1,
    max_size=4,
)


def every_switch() -> list[str]:
    """A walk over all plans, from each to each other one exactly once, and back to the start."""
    left = {plan: [other for other in PLANS if other != plan] for plan in PLANS}
    way, walk = [next(iter(PLANS))], []
    while way:
        if left[way[-1]]:
            way.append(left[way[-1]].pop())
        else:
            walk.append(way.pop())
    return walk[::-1]


def configuration(folder: Path, plan: str) -> dict[str, Any]:
    return serving.document(serving.model_config("m", folder, batching=PLANS[plan]))


async def ask(running: serving.Serving, client: int, sizes: list[int]) -> int:
    """One client's requests, every row of them unlike any other in the whole run."""
    async with grpc.aio.insecure_channel(running.target) as channel:
        tfs_client = tfs.TfsClient(channel)
        for index, size in enumerate(sizes):
            first = client * 100_000 + index * 100
            x = (first + np.arange(size, dtype=np.float32))[:, np.newaxis] + np.zeros((1, 4), np.float32)
            answer = await tfs_client.predict("m", x=x)
            np.testing.assert_array_equal(answer["y"], 3 * x + 1)
    return len(sizes)


async def drive(tmp_path: Path, sizes: Sizes, plans: list[str]) -> int:
    """All clients at once, while the server is switched from plan to plan; gives the switches made."""
    folder = tmp_path / "m"
    if not folder.exists():
        models.save(models.affine(), folder)
    async with serving.serve(tmp_path, configuration(folder, plans[0])) as running:
        load = asyncio.gather(*(ask(running, client, each) for client, each in enumerate(sizes)))
        for plan in plans[1:]:
            status, body = await running.reload(configuration(folder, plan))
            assert status == 201, body
        assert sum(await load) == sum(map(len, sizes))
        signals = await running.model_signals("m")
        assert signals.counters.failed_requests == 0
        assert signals.counters.samples == sum(map(sum, sizes))
        return int(await running.metric("batchwright_switches_total", model="m"))


async def ask_until(running: serving.Serving, client: int, enough: asyncio.Event) -> None:
    """One client's requests of ever changing sizes, until it is enough."""
    sizes = np.random.default_rng(client)
    while not enough.is_set():
        await ask(running, client, [int(size) for size in sizes.integers(1, 13, REQUESTS_PER_CLIENT)])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


relaxed = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(sizes=clients, plan=st.sampled_from(sorted(PLANS)))
def test_rows_come_home_under_every_strategy(workspace: Path, sizes: Sizes, plan: str) -> None:
    """Mixed sizes from concurrent clients: right rows, none lost, under every strategy for them."""
    asyncio.run(drive(workspace, sizes, [plan]))


async def test_rows_come_home_whatever_is_switched_to_what(tmp_path: Path) -> None:
    """From each way of batching to each other one, under load: right rows, no failed request."""
    folder = models.save(models.affine(), tmp_path / "m")
    walk = every_switch()
    assert len(set(itertools.pairwise(walk))) == len(PLANS) * (len(PLANS) - 1)
    async with serving.serve(tmp_path, configuration(folder, walk[0])) as running:
        enough = asyncio.Event()
        load = asyncio.gather(*(ask_until(running, client, enough) for client in range(4)))
        for plan in walk[1:]:
            status, body = await running.reload(configuration(folder, plan))
            assert status == 201, (plan, body)
        enough.set()
        await load
        signals = await running.model_signals("m")
        assert signals.counters.failed_requests == 0


@relaxed
@given(sizes=clients, first=st.sampled_from(sorted(PLANS)), switches=st.integers(1, 5))
def test_rows_come_home_across_switches(
    workspace: Path, sizes: Sizes, first: str, switches: int
) -> None:
    """Live switches in both directions under load: right rows, no failed request."""
    other = next(plan for plan in PLANS if plan != first)
    plans = [(first, other)[index % 2] for index in range(switches + 1)]

    changed = switches if PLANS[first]["strategy"] != PLANS[other]["strategy"] else 0
    assert asyncio.run(drive(workspace, sizes, plans)) == changed
