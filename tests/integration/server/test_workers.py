"""Several processes behind one port, as one server."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
import numpy as np
import pytest

from tests.support import managed_server, models, server_process, serving
from tests.support.managed_server import Managed, render
from tests.support.polling import eventually
from tests.support.tfs import TfsClient

CLIENTS = 10  # that all of them are given to one worker is out of the question


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return models.save(models.affine(), tmp_path / "m")


@pytest.fixture
async def server(tmp_path: Path, folder: Path) -> AsyncIterator[Managed]:
    """Two workers and the process that looks after them."""
    async with start(tmp_path, folder) as running:
        yield running


@asynccontextmanager
async def start(tmp_path: Path, folder: Path) -> AsyncIterator[Managed]:
    """Three processes take their time to begin on a busy machine."""
    async with managed_server.run(tmp_path, render(folder), "--workers=2", waits=False) as running:
        await eventually(lambda: server_process.is_ready(running.admin_port), seconds=90)
        yield running


def pids(server: Managed) -> list[int]:
    """The processes of the workers."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def living(processes: list[int]) -> list[int]:
    """Those of them that are there."""
    return [pid for pid in processes if Path(f"/proc/{pid}").exists()]


def children_of(server: Managed) -> list[str]:
    """The processes that have its command line, those that libraries forked among them."""
    command = str(server.config_path).encode()
    return [found.name for found in Path("/proc").glob("[0-9]*") if command in _command_line(found)]


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


async def samples(server: Managed) -> int:
    """How many samples were answered, by the signals."""
    found = await server.signals()
    return found.models[0].counters.samples if found.models else 0


@dataclass
class Client:
    """A client with a connection of its own, which asks until it breaks."""

    answered: int = 0
    lost: str = ""

    async def ask(self, server: Managed, enough: asyncio.Event) -> None:
        """Ask until it is enough; no answer may be wrong."""
        options = (("grpc.use_local_subchannel_pool", 1),)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options) as channel:
            client = TfsClient(channel)
            while not enough.is_set():
                try:
                    y = (await client.predict("m", x=np.ones((2, 4), np.float32)))["y"]
                except grpc.aio.AioRpcError as error:
                    self.lost = error.code().name
                    return
                np.testing.assert_array_equal(y, np.full((2, 4), 4))
                self.answered += 1


@asynccontextmanager
async def asking(server: Managed) -> AsyncIterator[list[Client]]:
    """Clients that all have answers already, and go on asking during the block."""
    enough, clients = asyncio.Event(), [Client() for _ in range(CLIENTS)]
    tasks = [asyncio.create_task(client.ask(server, enough)) for client in clients]

    async def all_have_answers() -> bool:
        return all(client.answered for client in clients)

    try:
        await eventually(all_have_answers, seconds=60)
        yield clients
    finally:
        enough.set()
        await asyncio.gather(*tasks)


async def test_a_worker_that_is_killed_takes_nobody_else_along(server: Managed) -> None:
    """Clients of the other one notice nothing, it is back soon, and no counter goes backwards."""
    victim, _ = pids(server)
    async with asking(server) as clients:
        seen = [await samples(server)]
        os.kill(victim, signal.SIGKILL)

        async def is_back() -> bool:
            seen.append(await samples(server))
            return victim not in pids(server) and await server_process.is_ready(server.admin_port)

        await eventually(is_back, seconds=60)
    assert seen == sorted(seen)
    assert {client.lost for client in clients} <= {"", "UNAVAILABLE"}
    assert [client for client in clients if not client.lost]  # those of the one that lived
    _, metrics = await server.ask("GET", "/metrics")
    assert b"batchwright_worker_restarts_total 1.0" in metrics
    assert b"batchwright_workers_ready 2.0" in metrics


async def test_a_document_that_one_worker_cannot_take_changes_none(
    server: Managed, folder: Path, tmp_path: Path
) -> None:
    """It is refused with the reason, and all go on as before."""
    missing = json.dumps(serving.document(serving.model_config("other", tmp_path / "none"))).encode()

    status, answer = await server.ask("PUT", "/v1/config", data=missing)

    assert (status, "none" in json.loads(answer)["error"]) == (400, True)
    for _ in range(CLIENTS):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            y = (await TfsClient(channel).predict("m", x=np.ones((1, 4), np.float32)))["y"]
            np.testing.assert_array_equal(y, np.full((1, 4), 4))


async def test_a_document_is_taken_by_all_workers(server: Managed, folder: Path) -> None:
    """Whoever asks whichever of them finds the new strategy, while clients notice nothing."""
    async with managed_server.asking(server, clients=CLIENTS):
        assert await server.status("PUT", "/v1/config", data=render(folder, "demultiplex")) == 201

    strategy = b'batchwright_strategy{model="m",strategy="demultiplex",version="1"} 1.0'
    _, metrics = await server.ask("GET", "/metrics", server.http_port)
    assert strategy in metrics
    assert await server.status("PUT", "/v1/config", data=render(folder, "demultiplex")) == 200


async def test_a_worker_that_dies_while_it_makes_a_document_ready(
    server: Managed, folder: Path, tmp_path: Path
) -> None:
    """No worker takes it; sent again when the worker is back, all do."""
    slow = models.save(models.deep(), tmp_path / "slow")
    entries = [serving.model_config("m", folder, batching={"strategy": "reload"})]
    calibrated = {"strategy": "reload", "calibration": {"enabled": True}}
    entries.append(serving.model_config("slow", slow, batching=calibrated))
    document = json.dumps(serving.document(*entries)).encode()
    sending = asyncio.create_task(server.ask("PUT", "/v1/config", data=document))

    async def is_pending() -> bool:
        return bool((await server.signals()).config.pending_hash)

    await eventually(is_pending)
    os.kill(pids(server)[0], signal.SIGKILL)
    status, answer = await sending

    assert (status, "worker" in json.loads(answer)["error"]) == (400, True)
    await eventually(lambda: server_process.is_ready(server.admin_port), seconds=60)
    assert [model.name for model in (await server.signals()).models] == ["m"]
    assert await server.status("PUT", "/v1/config", data=document) == 201
    assert {model.name for model in (await server.signals()).models} == {"m", "slow"}


async def test_the_clients_port_tells_of_all_workers(tmp_path: Path, folder: Path) -> None:
    """Without an admin port, whichever worker is asked: readiness, configuration, metrics, documents."""
    config = tmp_path / "config.json"
    config.write_bytes(render(folder))
    port, http_port = serving.free_port(), serving.free_port()
    ports = ("--port", str(port), "--rest_port", str(http_port), "--workers", "2")
    with server_process.run(tmp_path, "--config_path", str(config), *ports):
        await eventually(lambda: server_process.is_ready(http_port), seconds=60)
        url = f"http://127.0.0.1:{http_port}"
        sent = render(folder, "dynamic")
        async with aiohttp.ClientSession(url) as http, http.put("/v1/config", data=sent) as answer:
            assert answer.status == 201
        found = await server_process.read_signals(http_port)
        assert found.cores >= 2 or os.cpu_count() == 1
        assert found.ready


async def test_a_server_of_workers_ends_in_its_order(server: Managed) -> None:
    """Told to end, it finishes what runs: no client gets a wrong answer, and no process stays."""
    workers = pids(server)
    async with asking(server) as clients:
        server.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.process.wait, 40) == 0
    # CANCELLED: of a call that crossed the news that the server ends, where connections have no age.
    assert {client.lost for client in clients} <= {"", "UNAVAILABLE", "CANCELLED"}
    assert not living(workers)
    assert not children_of(server)


async def test_workers_do_not_outlive_whoever_looks_after_them(server: Managed) -> None:
    """Killed with no chance to pass anything on, it leaves no process behind."""
    workers = pids(server)
    server.process.kill()

    async def are_gone() -> bool:
        return not living(workers) and not children_of(server)

    await eventually(are_gone, seconds=60)


async def test_a_port_that_somebody_has_is_told_at_once(tmp_path: Path, folder: Path) -> None:
    """Another server's workers on the same port are a mistake, not company."""
    async with start(tmp_path, folder) as running:
        ports = ("--port", str(running.port), "--workers", "2")
        config = ("--config_path", str(running.config_path))
        with server_process.run(tmp_path, *config, *ports) as second:
            assert await asyncio.to_thread(second.wait, 30) == 1
            assert second.stderr is not None
            assert f"cannot listen on 127.0.0.1:{running.port}" in second.stderr.read()


async def test_any_folder_of_temporary_files_does(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's path has 107 bytes at most: where they would not do, the sockets are elsewhere."""
    place = tmp_path / ("x" * 100)
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    async with start(tmp_path, folder) as server:
        assert (await server.signals()).ready
