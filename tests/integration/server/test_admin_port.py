"""Who may manage a server: its admin port, tokens and certificates, on real processes."""

import asyncio
import hashlib
import io
import json
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest

from batchwright_operator.pods.client import Configured, HttpPodClient, Outcome, Target
from batchwright_operator.reconcile.observed import Report, Unreachable
from batchwright_server.config.digest import digest
from batchwright_server.config.signals import Signals
from batchwright_server.protos import model_management_pb2, model_service_pb2_grpc
from tests.support import certificates, managed_server, models, serving, tfs
from tests.support.managed_server import Managed, render
from tests.support.polling import eventually

MANAGING = [("GET", "/v1/signals"), ("PUT", "/v1/config"), ("POST", "/v1/config/reload")]
X = np.ones((2, 4), np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return models.save(models.affine(), tmp_path / "m")


def admin(*tokens: str) -> dict[str, Any]:
    """The block that lets these tokens in."""
    return {"admin": {"token_sha256": [hashlib.sha256(token.encode()).hexdigest() for token in tokens]}}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_what_is_managed_is_on_the_admin_port_alone(tmp_path: Path, folder: Path) -> None:
    """Clients find no signals and change no configuration; health and metrics are on both ports."""
    async with managed_server.run(tmp_path, render(folder)) as server:
        for path in ("/metrics", "/v1/config", "/v2/health/live", "/v2/health/ready"):
            assert await server.status("GET", path) == 200
            assert await server.status("GET", path, server.http_port) == 200
        assert [await server.status(*where, server.http_port) for where in MANAGING] == [404, 405, 404]
        assert await server.status("GET", "/v1/models/m") == 404
        assert await server.status("GET", "/v1/signals") == 200

        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError, match="through its admin port") as refused:
                await _ask_to_reload(channel)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def _ask_to_reload(channel: grpc.aio.Channel) -> None:
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    await stub.HandleReloadConfigRequest(request, timeout=10)


STRANGERS: list[tuple[dict[str, str], str]] = [
    ({}, "nothing"),
    (bearer("wrong"), "an unknown token"),
    (bearer(""), "an unknown token"),
    ({"Authorization": "Basic cmlnaHQ="}, "another scheme"),
]


async def test_strangers_learn_health_and_metrics(tmp_path: Path, folder: Path) -> None:
    """Whatever else they ask is 401, and says nothing of the server; nothing they send is read."""
    document = render(folder, **admin("right"))
    async with managed_server.run(tmp_path, document) as server:
        for headers, got in STRANGERS:
            for method, path in (*MANAGING, ("GET", "/v1/config")):
                status, body = await server.ask(method, path, headers=headers, data=b"x" * 5000)
                told = f"{method} {path}: authorization: expected 'Bearer' and a token of this server"
                assert (status, json.loads(body)) == (401, {"error": f"{told}, got {got}"})
            assert await server.ask("HEAD", "/v1/signals", headers=headers) == (401, b"")
        assert await server.status("GET", "/metrics") == 200
        assert await server.status("GET", "/v2/health/ready") == 200
        assert await server.documents_read("rejected") == 0

        assert await server.status("GET", "/v1/signals", headers=bearer("right")) == 200
        assert await server.status("PUT", "/v1/config", headers=bearer("right"), data=document) == 200


async def test_tokens_are_in_force_before_the_models_are_loaded(tmp_path: Path, folder: Path) -> None:
    """There is no moment in which a stranger could send a document."""
    slow = models.save(models.deep(layers=200), tmp_path / "slow")
    async with managed_server.run(tmp_path, render(slow, **admin("right")), waits=False) as server:
        statuses: set[int] = set()

        async def is_loading() -> bool:
            try:
                statuses.add(await server.status("PUT", "/v1/config", data=render(folder)))
            except aiohttp.ClientError:
                return False  # the port is not open yet
            return True

        await eventually(is_loading, interval=0.0)
        await eventually(lambda: _is_ready(server))
        assert statuses == {401}


async def _is_ready(server: Managed) -> bool:
    return await server.status("GET", "/v2/health/ready") == 200


async def test_tokens_are_rotated_without_a_failed_call(tmp_path: Path, folder: Path) -> None:
    """First both keys' tokens are let in, then the new one's alone; who has both never notices."""
    steps = [admin("old"), admin("old", "new"), admin("new")]
    first, both, last = (render(folder, **step) for step in steps)
    async with managed_server.run(tmp_path, first) as server, managed_server.asking(server):
        operator = server.target("new", "old")
        for document in (both, last):
            taken = await server.pods.configure(operator, document)
            assert taken == Configured(Outcome.APPLIED, hash=digest(document))
            assert isinstance(await server.pods.read(operator), Signals)
        assert "401" in _reason(await server.pods.read(server.target("old")))


async def test_without_an_admin_port_clients_and_managers_share_one(
    tmp_path: Path, folder: Path
) -> None:
    """Each with tokens of their own; a client's token manages nothing where the document names some."""
    tokens = tmp_path / "tokens"
    tokens.write_text("client\n")
    config = json.loads(render(folder))
    async with serving.serve(tmp_path, config, "--auth_token_file", str(tokens)) as running:

        async def status(method: str, path: str, token: str, **more: Any) -> int:
            async with running.http.request(method, path, headers=bearer(token), **more) as answer:
                return answer.status

        assert await status("GET", "/v1/signals", "client") == 200
        managed = render(folder, **admin("manager"))
        assert await status("PUT", "/v1/config", "client", data=managed) == 201

        for method, path in MANAGING:
            assert await status(method, path, "client") == 401
        assert await status("GET", "/v1/signals", "manager") == 200
        assert await status("PUT", "/v1/config", "manager", data=managed) == 200
        assert await status("PUT", "/v1/config", "manager", data=io.BytesIO(b" " * (2 << 20))) == 413
        assert await status("GET", "/v1/config", "manager") == 401
        assert await status("GET", "/v1/config", "client") == 200
        channel_metadata = (("authorization", "Bearer client"),)
        request = model_management_pb2.ReloadConfigRequest()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await running.client.model.HandleReloadConfigRequest(
                request, metadata=channel_metadata, timeout=10
            )
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_the_operator_needs_no_certificate_where_clients_do(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It verifies the server's by the Service's name, and says nothing to a server it does not know."""
    made = tmp_path / "made"
    authority = certificates.make_authority(made, "authority")
    pair = certificates.issue(authority, made, "server")
    stranger = certificates.make_authority(made, "stranger")
    flags = ["--tls_cert_path", str(pair.certificate), "--tls_key_path", str(pair.key)]
    flags += ["--tls_client_ca_path", str(authority.certificate)]
    trusted = authority.certificate.read_text()
    document = render(folder, **admin("right"))
    async with managed_server.run(tmp_path, document, *flags, waits=False) as server:

        async def read(ca: str | None = trusted, name: str = "localhost") -> Report:
            return await server.pods.read(Target(server.target().address, ("right",), ca, name))

        await eventually(partial(_serves, read))
        target = Target(server.target().address, ("right",), trusted, "localhost")
        sent = render(folder, "dynamic", **admin("right"))
        assert isinstance(await server.pods.configure(target, sent), Configured)

        assert "certificate verify failed" in _reason(await read(stranger.certificate.read_text()))
        assert "no authority was found" in _reason(await read(""))
        assert "certificate verify failed" in _reason(await read(None))
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))  # whom this machine trusts
        trusting, address = HttpPodClient(), server.target().address
        assert isinstance(await trusting.read(Target(address, ("right",), None, "localhost")), Signals)
        await trusting.close()
        assert "localhost2" in _reason(await read(name="localhost2"))
        assert "no answer" in _reason(await read("no certificate"))
        assert "no answer" in _reason(await server.pods.read(server.target("right")))

        context = ssl.create_default_context(cadata=trusted)
        unknown = certificates.issue(stranger, made, "unknown")  # which would end a handshake that asks
        context.load_cert_chain(unknown.certificate, unknown.key)
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"https://localhost:{server.admin_port}/metrics", ssl=context) as answer,
        ):
            assert answer.status == 200

        context = ssl.create_default_context(cadata=trusted)
        for port, expected in ((server.admin_port, 200), (server.http_port, 401)):
            url = f"https://localhost:{port}/metrics"
            async with aiohttp.ClientSession() as http, http.get(url, ssl=context) as answer:
                assert answer.status == expected
        assert await _predict_over_tls(server, authority, None) is grpc.StatusCode.UNAVAILABLE
        client = certificates.issue(authority, made, "client")
        assert await _predict_over_tls(server, authority, client) is grpc.StatusCode.OK


async def _predict_over_tls(
    server: Managed, authority: certificates.Pair, client: certificates.Pair | None
) -> grpc.StatusCode:
    credentials = grpc.ssl_channel_credentials(
        authority.certificate.read_bytes(),
        client.key.read_bytes() if client else None,
        client.certificate.read_bytes() if client else None,
    )
    async with grpc.aio.secure_channel(f"localhost:{server.port}", credentials) as channel:
        try:
            await tfs.TfsClient(channel).predict("m", timeout=10, x=X)
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


async def test_a_pod_client_finds_pods_where_it_is_told(tmp_path: Path, folder: Path) -> None:
    """An address that leads nowhere here is resolved; the port stays."""
    asked: list[str] = []

    def resolve(host: str) -> str:
        asked.append(host)
        return "127.0.0.1"

    async with managed_server.run(tmp_path, render(folder)) as server:
        pods = HttpPodClient(resolve=resolve)
        for host in ("10.201.0.7", "[fd00::7]"):
            assert isinstance(await pods.read(Target(f"{host}:{server.admin_port}")), Signals)
        await pods.close()

    assert asked == ["10.201.0.7", "fd00::7"]


ADDRESSES = ["127.0.0.1,127.0.0.2", "127.0.0.3,::1", "localhost"]


@pytest.mark.parametrize("addresses", ADDRESSES)
async def test_a_server_listens_on_each_of_its_addresses(
    tmp_path: Path, folder: Path, addresses: str
) -> None:
    """gRPC, HTTP and the admin port, over IPv4 and IPv6; and nowhere else."""
    flags = [f"--{name}_bind_address={addresses}" for name in ("grpc", "rest", "admin")]
    async with managed_server.run(tmp_path, render(folder), *flags, waits=False) as server:
        for address in addresses.split(","):
            host = f"[{address}]" if ":" in address else address
            for port in (server.http_port, server.admin_port):
                await eventually(partial(_is_ready_at, f"http://{host}:{port}/v2/health/ready"))
            async with grpc.aio.insecure_channel(f"{host}:{server.port}") as channel:
                await tfs.TfsClient(channel).predict("m", x=X)
        for port in (server.port, server.http_port, server.admin_port):
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.9", port)


async def test_all_of_ipv4_and_all_of_ipv6(tmp_path: Path, folder: Path) -> None:
    """Both may be said at once, which gRPC by itself does not take."""
    flags = [f"--{name}_bind_address=0.0.0.0,::" for name in ("grpc", "rest", "admin")]
    async with managed_server.run(tmp_path, render(folder), *flags) as server:
        for host in ("127.0.0.1", "[::1]"):
            assert await _is_ready_at(f"http://{host}:{server.http_port}/v2/health/ready")
            async with grpc.aio.insecure_channel(f"{host}:{server.port}") as channel:
                await tfs.TfsClient(channel).predict("m", x=X)


async def _is_ready_at(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def _serves(read: Any) -> bool:
    report = await read()
    return isinstance(report, Signals) and report.ready


def _reason(answer: object) -> str:
    assert isinstance(answer, Unreachable), answer
    return answer.reason
