"""What a real server does with too much: messages, tensors, connections, and bytes that mean nothing."""

import asyncio
import gzip
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from batchwright_server.protos import prediction_service_pb2, tensor_pb2
from tests.support import models, serving
from tests.support.forwarder import forwarding
from tests.support.polling import eventually
from tests.support.serving import Serving
from tests.support.tfs import TfsClient

X = np.ones((2, 4), np.float32)
JSON = b'{"instances": [[1, 1, 1, 1]]}'
PREDICT = "/v1/models/m:predict"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes.fromhex("000000040000000000")


@asynccontextmanager
async def serve(tmp_path: Path, *flags: str, width: int = 4) -> AsyncIterator[Serving]:
    folder = models.save(models.affine(width), tmp_path / "m")
    config = serving.document(serving.model_config("m", folder, batch_size="auto"))
    async with serving.serve(tmp_path, config, *flags) as running:
        yield running


async def _serves(running: Serving) -> None:
    """Both protocols answer, gRPC on a connection of its own."""
    alone = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(running.target, alone) as channel:
        assert (await TfsClient(channel).predict("m", timeout=10, x=X))["y"].shape == (2, 4)
    async with running.http.post(PREDICT, data=JSON) as response:
        assert response.status == 200


async def test_larger_messages_are_refused(tmp_path: Path) -> None:
    """By both protocols, whether the size is announced, comes in pieces, or shows when unpacked."""
    large = np.zeros((20000, 4), np.float32)
    async with serve(tmp_path, "--max_message_bytes", "100000") as running:
        for packing in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            async with grpc.aio.insecure_channel(running.target, compression=packing) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await TfsClient(channel).predict("m", x=large)
                assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        packed = gzip.compress(bytes(200_000))
        assert len(packed) < 1000
        assert await _post(running, bytes(200_000)) == 413
        assert await _post(running, _pieces()) == 413
        assert await _post(running, packed, **{"Content-Encoding": "gzip"}) == 413
        await _serves(running)


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield bytes(10_000)


async def _post(running: Serving, data: bytes | AsyncIterator[bytes], **headers: str) -> int:
    async with running.http.post(PREDICT, data=data, headers=headers) as response:
        return response.status


async def test_a_few_bytes_take_no_memory(tmp_path: Path) -> None:
    """A request of 43 bytes for 2 GB, right for the model, is refused at once and costs nothing."""
    request = prediction_service_pb2.PredictRequest()
    request.model_spec.name = "m"
    tensor = request.inputs["x"]
    tensor.dtype = tensor_pb2.DT_FLOAT
    for size in (5000, 100_000):
        tensor.tensor_shape.dim.add(size=size)
    tensor.float_val.append(1.0)
    assert request.ByteSize() <= 43
    async with serve(tmp_path, width=100_000) as running:
        await running.client.predict("m", x=np.ones((1, 100_000), np.float32))
        before, began = _resident_bytes(), time.perf_counter()
        for _ in range(20):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await running.client.send(request, timeout=10)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        seconds, grown = time.perf_counter() - began, _resident_bytes() - before

    assert seconds < 2
    assert grown < 32 << 20


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_a_connection_of_age_is_renewed_without_a_failed_request(tmp_path: Path) -> None:
    """Clients that go on asking connect anew, and lose nothing."""
    age = ["--max_connection_age_seconds", "0.3", "--max_connection_age_grace_seconds", "5"]
    async with (
        serve(tmp_path, *age) as running,
        forwarding(running.server.grpc_port) as (forwarder, port),
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        client, asked = TfsClient(channel), 0

        async def is_renewed() -> bool:
            nonlocal asked
            asked += 4
            await asyncio.gather(*(client.predict("m", x=X) for _ in range(4)))
            return forwarder.connections >= 3

        await eventually(is_renewed, interval=0)

    assert asked > 4


async def test_connections_are_bounded(tmp_path: Path) -> None:
    """One too many is closed at once, by either protocol; when one goes, there is room again."""
    async with serve(tmp_path, "--max_connections", "3") as running:
        for port in (running.server.grpc_port, running.server.http_port):
            async with _connected(port, 3):

                async def is_refused(port: int = port) -> bool:
                    return await asyncio.to_thread(_is_closed_at_once, port)

                await eventually(is_refused)
        await eventually(lambda: _has_room(running))


async def _has_room(running: Serving) -> bool:
    try:
        await _serves(running)
    except (grpc.aio.AioRpcError, OSError):
        return False
    return True


@asynccontextmanager
async def _connected(port: int, count: int) -> AsyncIterator[list[socket.socket]]:
    def connect() -> list[socket.socket]:
        return [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 5)) for _ in range(count)
        ]

    with ExitStack() as stack:
        yield await asyncio.to_thread(connect)


def _is_closed_at_once(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 5) as other:
        other.settimeout(0.5)
        try:
            return other.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True


HOSTILE = {
    "nothing": b"",
    "garbage": bytes(range(256)) * 64,
    "half a preface": PREFACE[:10],
    "a preface and no more": PREFACE,
    "a giant frame": PREFACE + SETTINGS + bytes.fromhex("ffffff000000000001") + bytes(1 << 16),
    "a frame of an unknown kind": PREFACE + SETTINGS + bytes.fromhex("000004ff0000000001") + b"abcd",
    "headers that are none": PREFACE + SETTINGS + bytes.fromhex("000010010500000001") + b"\xff" * 16,
    "headers without an end": PREFACE + SETTINGS + bytes.fromhex("000001010000000001") + b"\x82",
    "data of no stream": PREFACE + SETTINGS + bytes.fromhex("000004000000000007") + b"abcd",
    "settings beyond bounds": PREFACE + bytes.fromhex("0000060400000000000004ffffffff"),
    "a window beyond bounds": PREFACE + SETTINGS + bytes.fromhex("0000040800000000007fffffff") * 2,
    "resets": PREFACE + SETTINGS + bytes.fromhex("00000403000000000100000008") * 1000,
    "half a request": b"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    "a header without an end": b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000,
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length that is none": b"POST /v1/models/m:predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a huge chunk": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
}


async def test_two_hundred_half_open_connections_leave_it_serving(tmp_path: Path) -> None:
    """Whatever they send, or do not, while they are open and after: both protocols answer."""
    async with serve(tmp_path) as running:
        for port in (running.server.grpc_port, running.server.http_port):
            async with _connected(port, 200) as sockets:
                await asyncio.to_thread(_send_all, sockets)
                await _serves(running)
            await _serves(running)


def _send_all(sockets: list[socket.socket]) -> None:
    kinds = list(HOSTILE.values())
    for index, one in enumerate(sockets):
        try:
            one.sendall(kinds[index % len(kinds)])
        except OSError:  # the server closed it: that is an answer too
            continue


async def test_a_peer_that_is_gone_is_found_out(tmp_path: Path) -> None:
    """A client whose network died without a word loses its connection and its calls; others stay."""
    flags = ("--keepalive_time_seconds", "1", "--keepalive_timeout_seconds", "1")
    async with serve(tmp_path, *flags) as running, forwarding(running.server.grpc_port) as (wire, port):
        places = (f"127.0.0.1:{port}", running.target)
        dead, alive = map(grpc.aio.insecure_channel, places)
        async with dead, alive:
            asked = health_pb2.HealthCheckRequest()
            lost, kept = (health_pb2_grpc.HealthStub(one).Watch(asked) for one in (dead, alive))
            await lost.read()
            await kept.read()
            wire.silent = True

            async def is_ended() -> bool:
                return wire.ended == 1

            await eventually(is_ended)
            assert not kept.done()
            await _serves(running)
