"""TLS and tokens on a real server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from batchwright_server.protos import model_service_pb2
from tests.support import certificates, models, serving, tls_clients
from tests.support.certificates import Pair
from tests.support.serving import Serving
from tests.support.tfs import TfsClient

X = np.ones((2, 4), np.float32)
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return tmp_path / "made"


@pytest.fixture
def authority(made: Path) -> Pair:
    return certificates.make_authority(made, "authority")


@pytest.fixture
def served(tmp_path: Path, authority: Pair) -> Pair:
    return certificates.issue(authority, tmp_path / "served", "first")


@asynccontextmanager
async def serve(tmp_path: Path, *flags: str) -> AsyncIterator[Serving]:
    folder = models.save(models.affine(), tmp_path / "m")
    config = serving.document(serving.model_config("m", folder, batch_size="auto"))
    async with serving.serve(tmp_path, config, *flags) as running:
        yield running


def tls_flags(pair: Pair) -> list[str]:
    return ["--tls_cert_path", str(pair.certificate), "--tls_key_path", str(pair.key)]


async def test_a_renewed_certificate_loses_no_request(
    tmp_path: Path, made: Path, authority: Pair, served: Pair
) -> None:
    """Open connections go on, new ones see the new certificate; gRPC and HTTP have the same."""
    other = certificates.make_authority(made, "other")
    async with (
        serve(tmp_path, *tls_flags(served)) as running,
        tls_clients.secure_channel(running, authority) as old,
        tls_clients.https(running, authority) as old_http,
    ):
        assert (await TfsClient(old).predict("m", x=X))["y"].shape == (2, 4)
        assert await _status(old_http, "/v1/models/m") == 200

        certificates.issue(other, made, "second").copy_to(served)

        async with (
            tls_clients.secure_channel(running, other) as new,
            tls_clients.https(running, other) as new_http,
        ):
            assert (await TfsClient(new).predict("m", x=X))["y"].shape == (2, 4)
            assert await _status(new_http, "/v1/models/m") == 200
        assert (await TfsClient(old).predict("m", x=X))["y"].shape == (2, 4)
        assert await _status(old_http, "/v1/models/m") == 200

        served.key.write_bytes(authority.key.read_bytes())
        async with tls_clients.secure_channel(running, other) as latest:
            assert (await TfsClient(latest).predict("m", x=X))["y"].shape == (2, 4)


async def test_clear_text_and_strangers_are_not_served(
    tmp_path: Path, made: Path, authority: Pair, served: Pair
) -> None:
    """With TLS there is nothing without; a client trusts the server it was told to trust."""
    stranger = certificates.make_authority(made, "stranger")
    async with serve(tmp_path, *tls_flags(served)) as running:
        with pytest.raises(grpc.aio.AioRpcError) as plain:
            await running.client.predict("m", timeout=5, x=X)
        with pytest.raises(aiohttp.ClientError):
            await running.http.get("/v2/health/live")
        async with tls_clients.secure_channel(running, stranger) as wrong:
            with pytest.raises(grpc.aio.AioRpcError) as untrusted:
                await TfsClient(wrong).predict("m", timeout=5, x=X)

    assert {plain.value.code(), untrusted.value.code()} == {grpc.StatusCode.UNAVAILABLE}


async def test_clients_show_certificates_of_the_authorities(
    tmp_path: Path, made: Path, authority: Pair, served: Pair
) -> None:
    """Without one there is no call, but over HTTP a probe is answered."""
    client = certificates.issue(authority, made, "client")
    stranger = certificates.issue(certificates.make_authority(made, "other"), made, "stranger")
    flags = [*tls_flags(served), "--tls_client_ca_path", str(authority.certificate)]
    async with serve(tmp_path, *flags) as running:
        async with tls_clients.secure_channel(running, authority, client) as known:
            assert (await TfsClient(known).predict("m", x=X))["y"].shape == (2, 4)
        for unknown in (None, stranger):
            async with tls_clients.secure_channel(running, authority, unknown) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await TfsClient(channel).predict("m", timeout=5, x=X)
                assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        async with tls_clients.https(running, authority, client) as session:
            assert await _status(session, "/metrics") == 200
        async with tls_clients.https(running, authority) as session:
            assert await _status(session, "/metrics") == 401
            assert await _status(session, "/v2/health/ready") == 200
        async with tls_clients.https(running, authority, stranger) as session:
            with pytest.raises(aiohttp.ClientError):
                await _status(session, "/v2/health/ready")


async def _status(session: aiohttp.ClientSession, path: str) -> int:
    async with session.get(path) as response:
        return response.status


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("one\ntwo\n")
    return path


async def test_calls_carry_a_token(tmp_path: Path, tokens: Path) -> None:
    """Without one: UNAUTHENTICATED and 401, with what was expected; a changed file counts at once."""
    async with serve(tmp_path, "--auth_token_file", str(tokens)) as running:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await running.client.predict("m", x=X)
        assert refused.value.code() is UNAUTHENTICATED
        assert "expected 'Bearer' and a token of this server, got nothing" in str(
            refused.value.details()
        )
        async with running.http.get("/metrics") as response:
            assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "expected 'Bearer'" in (await response.json())["error"]

        assert await _codes(running, "one") == (grpc.StatusCode.OK, 200)
        replace(tokens, "three\n")
        assert await _codes(running, "one") == (UNAUTHENTICATED, 401)
        assert await _codes(running, "three") == (grpc.StatusCode.OK, 200)


def replace(file: Path, content: str) -> None:
    file.write_text(content)


async def _codes(running: Serving, token: str) -> tuple[grpc.StatusCode, int]:
    """What GetModelStatus and /v1/signals answer to `token`."""
    request = running.client.model.GetModelStatus(
        _status_request(), metadata=(("authorization", f"Bearer {token}"),), timeout=10
    )
    code = await request.code()
    headers = {"Authorization": f"Bearer {token}"}
    async with running.http.get("/v1/signals", headers=headers) as response:
        return code, response.status


def _status_request() -> model_service_pb2.GetModelStatusRequest:
    request = model_service_pb2.GetModelStatusRequest()
    request.model_spec.name = "m"
    return request


OPEN = ["/v2/health/live", "/v2/health/ready"]
CLOSED = [
    "/metrics",
    "/v1/config",
    "/v1/models/m",
    "/v2",
    "/v2/models/m",
    "/nowhere",
    "/v2/health/../../metrics",
    "/v2/health/%2e%2e/%2e%2e/metrics",
    "/v2/health/live/",
    "//metrics",
]


async def test_only_health_is_open(tmp_path: Path, tokens: Path) -> None:
    """Probes need no token; everything else does, reflection and paths that are none too."""
    async with serve(tmp_path, "--auth_token_file", str(tokens)) as running:
        host, port = "127.0.0.1", running.server.http_port
        assert [await _raw_status(host, port, path) for path in OPEN] == [200] * len(OPEN)
        assert [await _raw_status(host, port, path) for path in CLOSED] == [401] * len(CLOSED)
        async with grpc.aio.insecure_channel(running.target) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            answer = await health.Check(health_pb2.HealthCheckRequest(service="m"), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            with pytest.raises(grpc.aio.AioRpcError) as reflected:
                await _reflect(channel)
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await channel.unary_unary("/a.B/C", bytes, bytes)(b"", timeout=10)

    assert reflected.value.code() is UNAUTHENTICATED
    assert unknown.value.code() is UNAUTHENTICATED


async def _raw_status(host: str, port: int, path: str) -> int:
    """The status of a path that no client library corrects."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def _reflect(channel: grpc.aio.Channel) -> None:
    def requests() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    async for _ in stub.ServerReflectionInfo(requests(), timeout=10):
        pass


async def test_a_large_message_without_a_token_is_refused(tmp_path: Path, tokens: Path) -> None:
    """However much a client sends, it hears the reason and no broken connection."""
    async with serve(tmp_path, "--auth_token_file", str(tokens)) as running:
        many = np.zeros((1 << 22, 4), np.float32)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await running.client.predict("m", x=many)
        assert refused.value.code() is UNAUTHENTICATED


async def test_a_server_does_not_start_without_its_files(tmp_path: Path) -> None:
    """The file is named before a model is loaded."""
    with pytest.raises(OSError, match="nowhere: "):
        async with serve(tmp_path, "--auth_token_file", str(tmp_path / "nowhere")):
            raise AssertionError("it started")
