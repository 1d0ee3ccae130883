"""What is rendered for a ModelServer, run by Kubernetes' own parts and real servers: no operator."""

import base64
from pathlib import Path

import aiohttp
import pytest

from batchwright_operator.render.bundle import Bundle, render_bundle
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from tests.support import modelservers
from tests.support.cluster import pods, workloads
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.kubelet.addresses import own_loopback
from tests.support.cluster.node import Kubelet
from tests.support.cluster.serviceclient import ServiceClient

pytestmark = pytest.mark.slow

IMAGE = "registry.example/models:1"


async def test_rendered_pods_serve_models_of_claims_images_and_config_maps(
    api: ApiClient, namespace: str, kubelet: Kubelet, tmp_path: Path
) -> None:
    """Every source of models is found, requests are answered, and the pod's own loopback is up too."""
    workloads.save_model(tmp_path)
    await workloads.create_claim(api, namespace, "models", tmp_path)
    kubelet.order(image_volumes={IMAGE: tmp_path})
    await api.create(model_map(tmp_path / "m" / "1"), namespace=namespace)
    server = render_for(
        namespace,
        {"name": "claimed", "source": {"pvc": {"claimName": "models", "path": "m"}}},
        {"name": "packed", "source": {"image": {"reference": IMAGE, "path": "m"}}},
        {"name": "mapped", "source": {"configMap": {"name": "small", "items": items()}}},
    )
    bundle = render_bundle(server, Settings(models_mount=str(kubelet.models_mount)), {})

    await apply(api, namespace, bundle)
    [pod] = await pods.rolled_out(api, namespace, "vision")

    async with ServiceClient(api, namespace, "vision", kubelet.addresses_file) as service:
        for model in ("claimed", "packed", "mapped"):
            async with service.load(model, sizes=[1, 2]) as load:
                await load.answered(10)
            load.results.require_flawless()
        assert len(service.ready) == 1
    address = kubelet.address_of(pod)
    async with aiohttp.ClientSession() as http:
        for host in (address, own_loopback(address)):
            async with http.get(f"http://{host}:8002/v1/signals") as response:
                signals = await response.json()
            assert signals["config"]["hash"] == bundle.config_hash


def render_for(namespace: str, *models: dict[str, object]) -> ModelServer:
    document = modelservers.server_document(*models)
    document["metadata"]["namespace"] = namespace
    return ModelServer.model_validate(document)


def model_map(version: Path) -> Object:
    """A ConfigMap with the files of one version of a model."""
    files = {path.name: base64.b64encode(path.read_bytes()).decode() for path in version.iterdir()}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "small"},
        "binaryData": files,
    }


def items() -> list[dict[str, str]]:
    return [{"key": name, "path": f"1/{name}"} for name in ("model.xml", "model.bin")]


async def apply(api: ApiClient, namespace: str, bundle: Bundle) -> None:
    for manifest in bundle.manifests:
        await api.apply(manifest, namespace=namespace)
