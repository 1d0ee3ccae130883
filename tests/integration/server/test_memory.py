"""A server whose memory does not suffice for a reload, as a process of its own with a limit."""

import resource
from pathlib import Path

import grpc
import numpy as np
import openvino as ov
from openvino import opset13 as ops

from tests.support import models, server_process, serving, tfs
from tests.support.polling import eventually

SPARE_BYTES = 256 << 20
LARGE = 4000  # samples, for which the model below needs 1 GB


def spreading() -> ov.Model:
    """`y` [1, 4] = `x`, by way of 64 Ki values a sample."""
    x = ops.parameter([1, 4], np.float32, name="x")
    x.output(0).set_names({"x"})
    wide = ops.tanh(ops.tile(x, ops.constant(np.array([1, 16384]))))
    narrow = ops.matmul(wide, ops.constant(np.ones((65536, 4), np.float32)), False, False)
    narrow.output(0).set_names({"y"})
    return ov.Model([ops.result(narrow)], [x], "spreading")


async def test_a_size_without_memory_serves_once_there_is_some(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED while memory lacks, others are served meanwhile, and later so is this size."""
    folder = models.save(spreading(), tmp_path / "m")
    port, rest_port = serving.free_port(), serving.free_port()
    flags = ["--model_name", "m", "--model_path", str(folder), "--batch_size", "auto"]
    ports = ["--port", str(port), "--rest_port", str(rest_port)]
    with server_process.run(tmp_path, *flags, *ports) as running:
        await eventually(lambda: server_process.is_ready(rest_port))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            client = tfs.TfsClient(channel)

            async def is_served(rows: int) -> bool:
                code = await _ask(client, rows)
                assert code in (grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED)
                return code is grpc.StatusCode.OK

            assert await is_served(1)
            most = _used_bytes(running.pid) + SPARE_BYTES
            resource.prlimit(running.pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
            assert not await is_served(LARGE)
            assert await is_served(1)

            resource.prlimit(running.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            await eventually(lambda: is_served(LARGE))


async def _ask(client: tfs.TfsClient, rows: int) -> grpc.StatusCode:
    try:
        await client.predict("m", x=np.zeros((rows, 4), np.float32))
    except grpc.aio.AioRpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def _used_bytes(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[0]) * resource.getpagesize()
