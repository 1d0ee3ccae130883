"""Versions that come to the repository of a real server, break, and go."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from tests.support import models, serving, tfs
from tests.support.polling import eventually

X = np.ones((2, 4), np.float32)
POLLING = ("--file_system_poll_wait_seconds", "0.05")


def put(folder: Path, version: int) -> None:
    """A model whose answer to ones is 3 + its version, put in place as a whole."""
    model = models.affine(offset=float(version))
    partial = folder.parent / "partial"
    models.save(model, partial, version)
    (partial / str(version)).rename(folder / str(version))


@asynccontextmanager
async def serve(tmp_path: Path, **keys: Any) -> AsyncIterator[tuple[serving.Serving, Path]]:
    folder = tmp_path / "m"
    folder.mkdir()
    put(folder, 1)
    config = serving.document(serving.model_config("m", folder, batch_size="auto", **keys))
    async with serving.serve(tmp_path, config, *POLLING) as running:
        yield running, folder


async def answer_of(running: serving.Serving, version: int = 0) -> float:
    """The version that answers, told by its answer."""
    request = tfs.predict_request("m", x=X)
    if version:
        request.model_spec.version.value = version
    answer = await running.client.send(request)
    return float(answer["y"][0, 0]) - 3


async def states(running: serving.Serving) -> dict[int, tuple[int, int]]:
    """State and error code of each version."""
    found = (await running.client.status("m")).model_version_status
    return {status.version: (status.state, status.status.error_code) for status in found}


def serves(running: serving.Serving, version: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await answer_of(running) == version

    return check


async def test_a_new_version_takes_over_without_a_failed_request(tmp_path: Path) -> None:
    """Under load the highest version is taken up and the one before it retired; nobody is refused."""
    async with serve(tmp_path) as (running, folder):
        load = asyncio.create_task(_ask_until_cancelled(running))
        for version in (2, 5):
            put(folder, version)
            await eventually(serves(running, version))
        load.cancel()
        with pytest.raises(asyncio.CancelledError):
            await load

        assert await states(running) == {5: (30, 0)}
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await answer_of(running, version=1)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_broken_version_says_so_and_the_others_serve(tmp_path: Path) -> None:
    """Its status has the reason; the version before it goes on, and a repair is taken up."""
    async with serve(tmp_path) as (running, folder):
        (folder / "2").mkdir()
        (folder / "2" / "model.xml").write_text("<net")

        async def is_reported() -> bool:
            return (await states(running)).get(2) == (20, 2)

        await eventually(is_reported)
        assert await answer_of(running) == 1

        shutil.rmtree(folder / "2")
        put(folder, 2)
        await eventually(serves(running, 2))
        assert await states(running) == {2: (30, 0)}


async def test_all_versions_serve_side_by_side(tmp_path: Path) -> None:
    """Each is asked for by its number, the highest answers where none is asked for, one may go."""
    async with serve(tmp_path, model_version_policy={"all": {}}) as (running, folder):
        put(folder, 2)
        put(folder, 3)
        await eventually(serves(running, 3))
        assert [await answer_of(running, version) for version in (1, 2, 3)] == [1, 2, 3]

        shutil.rmtree(folder / "3")
        await eventually(serves(running, 2))
        assert sorted(await states(running)) == [1, 2]


async def test_specific_versions_wait_for_their_turn(tmp_path: Path) -> None:
    """Only the versions named are served, whatever else is there."""
    policy = {"specific": {"versions": [1, 3]}}
    async with serve(tmp_path, model_version_policy=policy) as (running, folder):
        put(folder, 2)
        put(folder, 3)
        await eventually(serves(running, 3))

        assert sorted(await states(running)) == [1, 3]


async def test_a_repository_that_is_away_for_a_moment_costs_nothing(tmp_path: Path) -> None:
    """What serves goes on serving while the folder is gone."""
    async with serve(tmp_path) as (running, folder):
        folder.rename(tmp_path / "away")
        for _ in range(5):
            await asyncio.sleep(0.05)  # several polls
            assert await answer_of(running) == 1
        (tmp_path / "away").rename(folder)
        put(folder, 2)

        await eventually(serves(running, 2))


async def test_a_model_that_comes_after_the_server_is_taken_up(tmp_path: Path) -> None:
    """A server that started without a model's files serves it once they are there."""
    folder = tmp_path / "late"
    config = serving.document(serving.model_config("m", folder, batch_size="auto"))
    async with serving.serve(tmp_path, config, *POLLING) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await answer_of(running)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        folder.mkdir()
        put(folder, 1)

        async def is_served() -> bool:
            return await states(running) == {1: (30, 0)}

        await eventually(is_served)
        assert await answer_of(running) == 1


async def _ask_until_cancelled(running: serving.Serving) -> None:
    async with grpc.aio.insecure_channel(running.target) as channel:
        client = tfs.TfsClient(channel)
        while True:
            await client.predict("m", x=X)
