"""Pods with certificates and tokens: for clients, for probes, and for the operator itself."""

import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest

from batchwright_operator.render import admin
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.objects import read_object
from tests.support import certificates
from tests.support.certificates import Pair
from tests.support.cluster import switching
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.node import Kubelet
from tests.support.cluster.operatorprocess import ADMIN_KEY, Operators
from tests.support.cluster.serviceclient import Results, ServiceClient
from tests.support.cluster.switching import MODEL, NAME
from tests.support.polling import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TOKEN = "let-me-in"  # noqa: S105  of these tests alone
NEW_KEY = b"newer"


@dataclass(frozen=True)
class Papers:
    """Certificates for one namespace: of the servers, of a client, and of somebody unknown."""

    authority: Pair
    client: Pair
    stranger: Pair
    server_name: str

    def credentials(self, *, client: bool = True, token: str = TOKEN) -> grpc.ChannelCredentials:
        """What a client shows."""
        key = self.client.key.read_bytes() if client else None
        certificate = self.client.certificate.read_bytes() if client else None
        tls = grpc.ssl_channel_credentials(self.authority.certificate.read_bytes(), key, certificate)
        if not token:
            return tls
        return grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(token))


@pytest.fixture
async def papers(api: ApiClient, namespace: str, tmp_path: Path) -> Papers:
    """The certificates, and the Secrets and ConfigMaps that hold them."""
    folder, server_name = tmp_path / "pki", f"{NAME}.{namespace}.svc"
    authority = certificates.make_authority(folder, "servers")
    pair = certificates.issue(authority, folder, "server", dns=server_name)
    clients = certificates.make_authority(folder, "clients")
    client = certificates.issue(clients, folder, "client")
    stranger = certificates.make_authority(folder, "stranger")
    tls = {"tls.crt": pair.certificate.read_bytes(), "tls.key": pair.key.read_bytes()}
    await api.create(_secret("certificate", tls, type="kubernetes.io/tls"), namespace=namespace)
    await api.create(_secret("tokens", {"token": f"{TOKEN}\nother".encode()}), namespace=namespace)
    for name, held in (("servers", authority), ("clients", clients), ("stranger", stranger)):
        await api.create(_authority_map(name, held), namespace=namespace)
    return Papers(authority, client, stranger, server_name)


async def test_everybody_proves_who_he_is(
    api: ApiClient,
    namespace: str,
    kubelet: Kubelet,
    operators: Operators,
    papers: Papers,
    tmp_path: Path,
) -> None:
    """Probes by HTTPS, the operator by its token, clients by both; keys are replaced in live pods."""
    keys = tmp_path / "keys"
    keys.write_bytes(ADMIN_KEY)
    operators.start(f"--admin-key-file={keys}", kubelet=kubelet)
    await create(api, namespace, tmp_path, authority="servers")
    server = read_object(await switching.applied(api, namespace))
    assert isinstance(server, ModelServer)
    [pod] = await switching.running_pods(api, namespace)
    assert pod["spec"]["containers"][0]["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"

    async with admin_side(kubelet, pod, papers) as signals:
        assert await signals("") == 401
        assert await signals(admin.derive_token(NEW_KEY, server)) == 401
        assert await signals(admin.derive_token(ADMIN_KEY, server)) == 200
        async with service(api, namespace, kubelet, papers.credentials(), papers) as client:
            for given, code in (
                (papers.credentials(client=False), grpc.StatusCode.UNAVAILABLE),
                (papers.credentials(token=""), grpc.StatusCode.UNAUTHENTICATED),
                (papers.credentials(token="wrong"), grpc.StatusCode.UNAUTHENTICATED),  # noqa: S106
            ):
                assert await refusal(api, namespace, kubelet, given, papers) is code
            async with client.load(MODEL, sizes=[1, 3]) as load:
                keys.write_bytes(NEW_KEY + b"\n" + ADMIN_KEY)
                await eventually(lambda: is_answer(signals, NEW_KEY, server, 200), seconds=30)
                assert await signals(admin.derive_token(ADMIN_KEY, server)) == 200
                await switching.applied(api, namespace)
                keys.write_bytes(NEW_KEY)
                await eventually(lambda: is_answer(signals, ADMIN_KEY, server, 401), seconds=30)
                await switching.applied(api, namespace)
                await load.answered(20)
        load.results.require_flawless()
        assert await signals(admin.derive_token(NEW_KEY, server)) == 200
    [same] = await switching.running_pods(api, namespace)
    assert kubelet.pid_of(same) == kubelet.pid_of(pod)


async def test_pods_that_cannot_be_verified(
    api: ApiClient,
    namespace: str,
    kubelet: Kubelet,
    operators: Operators,
    papers: Papers,
    tmp_path: Path,
) -> None:
    """A wrong authority, or none: nothing is decided, the reason says why, and clients are served."""
    operators.start(kubelet=kubelet)
    await create(api, namespace, tmp_path, authority="stranger")
    found = await unreachable(api, namespace, "certificate verify failed")
    assert switching.condition(found, "Ready")["status"] == "True"
    assert found["status"]["models"][0]["decision"]["reason"] == "MetricsUnreachable"
    async with (
        service(api, namespace, kubelet, papers.credentials(), papers) as client,
        client.load(MODEL, sizes=[1, 3]) as load,
    ):
        await trust(api, namespace, "nowhere")
        await unreachable(api, namespace, "no authority was found")
        await load.answered(10)
        await trust(api, namespace, "servers")
        await switching.applied(api, namespace)
    load.results.require_flawless()


async def create(api: ApiClient, namespace: str, folder: Path, *, authority: str) -> None:
    """A ModelServer with one pod and all that protects it."""
    tls = {
        "secretName": "certificate",
        "caConfigMap": {"name": authority, "key": "ca.crt"},
        "clientCaConfigMap": {"name": "clients", "key": "ca.crt"},
    }
    await switching.create(api, namespace, folder, tls=tls, auth={"secretName": "tokens"})


async def trust(api: ApiClient, namespace: str, authority: str) -> None:
    """Have the operator verify the pods by another ConfigMap."""
    patch = {"spec": {"tls": {"caConfigMap": {"name": authority}}}}
    await api.patch("ModelServer", NAME, namespace, patch=patch)


async def unreachable(api: ApiClient, namespace: str, why: str) -> Object:
    """The ModelServer, once a pod is ready and gives no answer, because of that."""

    def is_told(found: Object) -> bool:
        told = switching.condition(found, "ConfigApplied")
        return told["reason"] == "MetricsUnreachable" and why in told["message"]

    return await api.wait_for("ModelServer", NAME, namespace, until=is_told, seconds=60)


def service(
    api: ApiClient,
    namespace: str,
    kubelet: Kubelet,
    credentials: grpc.ChannelCredentials,
    papers: Papers,
) -> ServiceClient:
    """A client of the Service with those credentials."""
    return ServiceClient(
        api,
        namespace,
        NAME,
        kubelet.addresses_file,
        credentials=credentials,
        server_name=papers.server_name,
    )


async def refusal(
    api: ApiClient,
    namespace: str,
    kubelet: Kubelet,
    credentials: grpc.ChannelCredentials,
    papers: Papers,
) -> grpc.StatusCode:
    """With what status a request is refused."""
    async with service(api, namespace, kubelet, credentials, papers) as client:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.predict(MODEL, Results(), x=np.zeros((1, 4), np.float32), timeout=10)
    code: grpc.StatusCode = caught.value.code()
    return code


Signals = Callable[[str], Any]


@asynccontextmanager
async def admin_side(kubelet: Kubelet, pod: Object, papers: Papers) -> AsyncIterator[Signals]:
    """The status with which the pod's admin port answers for its signals, by the token shown."""
    url = f"https://{kubelet.address_of(pod)}:8002/v1/signals"
    context = ssl.create_default_context(cafile=papers.authority.certificate)
    async with aiohttp.ClientSession() as http:

        async def ask(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            given: dict[str, Any] = {"ssl": context, "server_hostname": papers.server_name}
            async with http.get(url, headers=headers, **given) as response:
                return response.status

        yield ask


async def is_answer(signals: Signals, key: bytes, server: ModelServer, status: int) -> bool:
    return bool(await signals(admin.derive_token(key, server)) == status)


def _secret(name: str, files: dict[str, bytes], **more: Any) -> Object:
    data = {key: base64.b64encode(content).decode() for key, content in files.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data, **more}


def _authority_map(name: str, pair: Pair) -> Object:
    data = {"ca.crt": pair.certificate.read_text()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
