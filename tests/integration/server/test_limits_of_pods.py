"""Servers in control groups with real limits: threads, memory, and a start after being killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest

from batchwright_server.config.plan import Plan, Strategy
from tests.integration.server.test_memory import spreading
from tests.support import limits, models, server_process, serving, tfs
from tests.support.polling import eventually

LIMIT = 400 << 20
LARGE = 4000  # samples, for which the spreading model needs 1 GB


@contextmanager
def run_within(groups: list[Path], folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """A server whose process is in these groups from the beginning."""
    enter = " && ".join(f"echo $$ > {group}" for group in groups)
    command = [sys.executable, "-m", "batchwright_server", *server_process.HOSTS, *flags]
    shell = ["/bin/sh", "-c", f'{enter or "true"} && exec "$@"', "sh", *command]
    with subprocess.Popen(shell, stderr=subprocess.PIPE, text=True, cwd=folder) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="a single processor has no smaller part")
@pytest.mark.parametrize(
    ("quota", "processors", "cores"), [(1.0, None, 1), (1.2, None, 2), (2.0, 1, 1), (0.5, 1, 1)]
)
async def test_threads_follow_quota_and_affinity(
    quota: float, processors: int | None, cores: int, tmp_path: Path
) -> None:
    """The smaller of the processors that the process may run on and its group's quota, rounded up."""
    folder = models.save(models.affine(), tmp_path / "m")
    rest_port = serving.free_port()
    flags = ["--model_name", "m", "--model_path", str(folder), "--rest_port", str(rest_port)]
    before = os.sched_getaffinity(0)
    with limits.limited(cores=quota) as groups:
        try:
            os.sched_setaffinity(0, set(sorted(before)[:processors]))
            with run_within(groups, tmp_path, *flags):
                await eventually(lambda: server_process.is_ready(rest_port), seconds=60)
                found = await server_process.read_signals(rest_port)
        finally:
            os.sched_setaffinity(0, before)

    assert found.cores == cores


class Bench:
    """A server with a limit on its memory, and its configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.rest_port = serving.free_ports(2)
        models.save(spreading(), folder / "m")
        ports = ["--port", str(self.port), "--rest_port", str(self.rest_port)]
        polling = ["--file_system_poll_wait_seconds", "0"]
        places = ["--config_path", "config.json", "--calibration_dir", str(folder / "kept")]
        self.flags = [*places, *ports, *polling]

    def write(self, strategy: str, **batching: Any) -> None:
        entry = serving.model_config("m", self.folder / "m", batching={"strategy": strategy, **batching})
        serving.write_config(self.folder / "config.json", serving.document(entry))

    async def is_ready(self) -> bool:
        return await server_process.is_ready(self.rest_port)

    async def is_ready_or_dead(self, process: subprocess.Popen[str]) -> bool:
        return process.poll() is not None or await self.is_ready()

    async def reload(self) -> tuple[int, str]:
        """The status of having the configuration read, 0 if the server died of it; and the reason."""
        url = f"http://127.0.0.1:{self.rest_port}/v1/config/reload"
        try:
            async with aiohttp.ClientSession() as http, http.post(url) as response:
                return response.status, (await response.json())["error"]
        except aiohttp.ClientError:
            return 0, ""

    async def fallen_back(self, groups: list[Path], fitting: Plan) -> str:
        """Why a server started now serves by `fitting`, and not as it is told to."""
        with run_within(groups, self.folder, *self.flags):
            await eventually(self.is_ready, seconds=60)
            found = (await server_process.read_signals(self.rest_port)).models[0]
            assert await self.ask(2) is grpc.StatusCode.OK
        assert found.plan is not None
        assert found.plan.plan.with_sizes(found.bucket_sizes) == fitting
        return found.fallback

    async def ask(self, rows: int) -> grpc.StatusCode:
        """The status of a prediction."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            try:
                await tfs.TfsClient(channel).predict("m", x=np.zeros((rows, 4), np.float32))
            except grpc.aio.AioRpcError as error:
                code: grpc.StatusCode = error.code()
                return code
        return grpc.StatusCode.OK


async def test_what_does_not_fit_is_refused_with_a_reason(tmp_path: Path) -> None:
    """A reload by RESOURCE_EXHAUSTED, a switch in the reply; what serves goes on serving."""
    bench = Bench(tmp_path)
    bench.write("reload")
    with (
        limits.limited(memory=LIMIT) as groups,
        run_within(groups, tmp_path, *bench.flags) as running,
    ):
        await eventually(bench.is_ready, seconds=60)
        for rows in (1, 50, 100):
            assert await bench.ask(rows) is grpc.StatusCode.OK
        refused = await bench.ask(LARGE)
        bench.write("buckets", buckets={"sizes": [1, LARGE]})
        status, reason = await bench.reload()
        assert await bench.ask(100) is grpc.StatusCode.OK
        plan = (await server_process.read_signals(bench.rest_port)).models[0].plan
        assert running.poll() is None

    assert refused is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert status == 400
    assert "MiB are free (limit: 400 MiB)" in reason
    assert plan is not None
    assert plan.strategy.value == "reload"


@pytest.mark.parametrize(
    ("first", "fitting"),
    [
        ({"strategy": "reload"}, Plan.of(Strategy.RELOAD)),
        (
            {"strategy": "buckets", "buckets": {"sizes": [1]}},
            Plan.of(Strategy.BUCKETS).with_sizes((1,)),
        ),
    ],
    ids=["reload", "buckets"],
)
async def test_every_start_after_an_out_of_memory_kill_fits(
    first: dict[str, Any], fitting: Plan, tmp_path: Path
) -> None:
    """Killed while it built what was too large, it comes back with what fitted, and says so; ever after.

    At the second start at the latest: one kill from outside may have had any reason.
    """
    bench = Bench(tmp_path)
    bench.write(**first)
    with limits.limited(memory=LIMIT) as groups:
        with run_within(groups, tmp_path, *bench.flags) as running:
            await eventually(bench.is_ready, seconds=60)
            bench.write("buckets", buckets={"sizes": [1, LARGE]})
            status, _ = await bench.reload()
            assert status == 0
            assert running.wait(timeout=20) == -signal.SIGKILL
        with run_within(groups, tmp_path, *bench.flags) as running:
            await eventually(lambda: bench.is_ready_or_dead(running), seconds=60)
        reasons = [await bench.fallen_back(groups, fitting) for _ in range(2)]

    assert all("buckets/one" in reason for reason in reasons)
    assert all(
        "killed for want of memory" in reason or f"batch size {LARGE} cannot be compiled" in reason
        for reason in reasons
    )


async def test_a_size_that_killed_is_refused_afterwards(tmp_path: Path) -> None:
    """A reload that the process was killed for, twice at most, is no more tried, nor a larger one."""
    bench = Bench(tmp_path)
    bench.write("reload")
    with limits.limited(memory=LIMIT) as groups:
        with run_within(groups, tmp_path, *bench.flags) as running:
            await eventually(bench.is_ready, seconds=60)
            assert await bench.ask(LARGE) is grpc.StatusCode.UNAVAILABLE
            assert running.wait(timeout=20) == -signal.SIGKILL
        with run_within(groups, tmp_path, *bench.flags) as running:
            await eventually(bench.is_ready, seconds=60)
            if await bench.ask(LARGE) is grpc.StatusCode.UNAVAILABLE:
                assert running.wait(timeout=20) == -signal.SIGKILL
        with run_within(groups, tmp_path, *bench.flags) as running:
            await eventually(bench.is_ready, seconds=60)
            for rows in (LARGE, LARGE + 1):
                assert await bench.ask(rows) is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert await bench.ask(2) is grpc.StatusCode.OK
            assert running.poll() is None
