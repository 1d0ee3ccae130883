"""The node that plays a kubelet: Kubernetes' own controllers, and real servers as its pods."""

import asyncio
from pathlib import Path

import aiohttp
import grpc
import pytest

from tests.support import certificates
from tests.support.cluster import pods, workloads
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient
from tests.support.cluster.controlplane import ControlPlane
from tests.support.cluster.node import Kubelet
from tests.support.cluster.serviceclient import ServiceClient
from tests.support.cluster.workloads import NAME, Workload

pytestmark = pytest.mark.slow


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Where the files of the model `m` are."""
    return workloads.save_model(tmp_path)


async def test_a_deployment_serves_through_its_service(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """Its pod becomes Ready, the EndpointSlice has its address, and Predict is answered there."""
    await workloads.create(api, namespace, workloads.config_text(model), Workload())
    await pods.rolled_out(api, namespace, NAME)

    async with (
        ServiceClient(api, namespace, NAME, kubelet.addresses_file) as service,
        service.load("m", sizes=[1, 3]) as load,
    ):
        await load.answered(50)

    [pod] = await pods.ready(api, namespace, NAME)
    assert pod["status"]["podIP"].startswith("10.201.")
    assert set(load.results.by_pod) == {pod["status"]["podIP"]}
    load.results.require_flawless()


async def test_a_pod_has_its_account_mounted(
    control_plane: Cluster, api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """The token in a pod's volume is its ServiceAccount's, and good for the API server."""
    workload = Workload(pod={"automountServiceAccountToken": True})
    await workloads.create(api, namespace, workloads.config_text(model), workload)
    [pod] = await pods.rolled_out(api, namespace, NAME)

    names = [volume["name"] for volume in pod["spec"]["volumes"]]
    [volume] = [name for name in names if name.startswith("kube-api-access-")]
    token = (kubelet.volume_of(pod, volume) / "token").read_text()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    answer = control_plane.request("POST", path, review)
    assert answer["status"]["user"]["username"] == f"system:serviceaccount:{namespace}:default"


async def test_a_killed_server_is_started_again(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """The same pod is Ready again, with a restart counted and the signal told."""
    await workloads.create(api, namespace, workloads.config_text(model), Workload())
    [pod] = await pods.rolled_out(api, namespace, NAME)

    kubelet.kill_process_of(pod)

    def is_back(found: dict[str, object]) -> bool:
        return pods.is_ready(found) and pods.restarts(found) == 1

    again = await api.wait_for("Pod", pod["metadata"]["name"], namespace, until=is_back, seconds=40)
    [container] = again["status"]["containerStatuses"]
    assert container["lastState"]["terminated"]["exitCode"] == 137
    assert again["status"]["podIP"] == pod["status"]["podIP"]


async def test_a_rolling_update_and_a_scale_down_fail_no_request(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """Pods are replaced and taken away under load, and every request is answered rightly."""
    await workloads.create(api, namespace, workloads.config_text(model), Workload(replicas=2))
    before = {pod["metadata"]["name"] for pod in await pods.rolled_out(api, namespace, NAME)}
    budget = await api.wait_for(
        "PodDisruptionBudget",
        NAME,
        namespace,
        until=lambda found: found["status"]["currentHealthy"] == 2,
    )
    assert budget["status"]["disruptionsAllowed"] == 1

    async with (
        ServiceClient(api, namespace, NAME, kubelet.addresses_file) as service,
        service.load("m", sizes=[1, 2], clients=2) as load,
    ):
        await load.answered(20)
        template = {"metadata": {"annotations": {"changed": "yes"}}}
        await api.patch("Deployment", NAME, namespace, patch={"spec": {"template": template}})
        after = await pods.rolled_out(api, namespace, NAME, seconds=80)
        await api.patch("Deployment", NAME, namespace, patch={"spec": {"replicas": 1}})
        await pods.rolled_out(api, namespace, NAME)
        await load.answered(20)

    assert before.isdisjoint(pod["metadata"]["name"] for pod in after)
    load.results.require_flawless()
    assert load.results.retried == 0  # a pod that goes has answered what it took


async def test_a_server_that_cannot_start_backs_off(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """A pod whose process ends again and again says so as a real one does, and never is Ready."""
    workload = Workload(args=("--no_such_flag",))
    await workloads.create(api, namespace, workloads.config_text(model), workload)

    def backs_off(found: dict[str, object]) -> bool:
        return pods.waiting(found) == "CrashLoopBackOff" and pods.restarts(found) >= 2

    pod = await pods.eventually_one(api, namespace, NAME, until=backs_off)

    assert not pods.is_ready(pod)
    assert "no_such_flag" in kubelet.log_of(pod)
    assert pod["status"]["phase"] == "Running"


async def test_a_broken_image_is_told_and_healed(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """A pod waits with the reason for an image that cannot be pulled, and starts when it can be."""
    kubelet.order(broken_images=(workloads.IMAGE,))
    await workloads.create(api, namespace, workloads.config_text(model), Workload())

    await pods.eventually_one(
        api, namespace, NAME, until=lambda found: pods.waiting(found) == "ImagePullBackOff"
    )
    kubelet.order(broken_images=())

    await pods.rolled_out(api, namespace, NAME)


async def test_a_server_that_does_not_answer_is_replaced_by_its_liveness(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """A stopped process is unready first, then killed after its grace period, then back."""
    probe = {"httpGet": {"path": "/v2/health/live", "port": "http"}, "periodSeconds": 1}
    container = {"livenessProbe": {**probe, "failureThreshold": 2, "timeoutSeconds": 1}}
    workload = Workload(grace_seconds=2, container=container)
    await workloads.create(api, namespace, workloads.config_text(model), workload)
    [pod] = await pods.rolled_out(api, namespace, NAME)

    kubelet.stop_process_of(pod)

    name = pod["metadata"]["name"]
    await api.wait_for("Pod", name, namespace, until=lambda found: not pods.is_ready(found))
    again = await api.wait_for("Pod", name, namespace, until=pods.is_ready, seconds=40)
    [status] = again["status"]["containerStatuses"]
    assert status["lastState"]["terminated"]["message"] == "liveness probe failed"


async def test_a_pod_that_is_deleted_by_force_leaves_no_process(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """Deletion without grace ends the process at once; its successor listens elsewhere."""
    await workloads.create(api, namespace, workloads.config_text(model), Workload())
    [pod] = await pods.rolled_out(api, namespace, NAME)

    await api.delete("Pod", pod["metadata"]["name"], namespace, grace_seconds=0)
    address = kubelet.address_of(pod)

    async def is_silent() -> bool:
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"http://{address}:8000/v2/health/live"),
            ):
                return False
        except aiohttp.ClientError:
            return True

    async with asyncio.timeout(10):
        while not await is_silent():
            await asyncio.sleep(0.05)
    [successor] = await pods.rolled_out(api, namespace, NAME)
    assert successor["status"]["podIP"] != pod["status"]["podIP"]


async def test_models_are_found_on_claims_and_image_volumes(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """What is mounted below the models mount is there under the same path for the server."""
    kubelet.order(image_volumes={"registry.example/models:1": model.parent})
    await workloads.create_claim(api, namespace, "models", model.parent)
    claim, image = kubelet.models_mount / "models", kubelet.models_mount / "packed"
    config = workloads.config_text(claim / "m")
    mounts = [
        {"name": "config", "mountPath": "/etc/batchwright"},
        {"name": "models", "mountPath": str(claim)},
        {"name": "packed", "mountPath": str(image)},
    ]
    volumes = [
        {"name": "config", "configMap": {"name": NAME}},
        {"name": "models", "persistentVolumeClaim": {"claimName": "models"}},
        {"name": "packed", "image": {"reference": "registry.example/models:1"}},
    ]
    workload = Workload(pod={"volumes": volumes}, container={"volumeMounts": mounts})
    await workloads.create(api, namespace, config, workload)

    await pods.rolled_out(api, namespace, NAME)
    assert (image / "m" / "1" / "model.xml").exists()


async def test_pods_outlive_the_api_server(
    own_control_plane: ControlPlane, api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """While the API server is away pods serve on as they are; then the node does its work again."""
    await workloads.create(api, namespace, workloads.config_text(model), Workload())
    [pod] = await pods.rolled_out(api, namespace, NAME)
    async with (
        ServiceClient(api, namespace, NAME, kubelet.addresses_file) as service,
        service.load("m", sizes=[1]) as load,
    ):
        own_control_plane.api_server.kill()
        await load.answered(100)
        own_control_plane.api_server.start()
        own_control_plane.wait_until_ready()
        await api.patch("Deployment", NAME, namespace, patch={"spec": {"replicas": 2}})
        after = await pods.rolled_out(api, namespace, NAME)

    load.results.require_flawless()
    assert kubelet.pid_of(pod) in {kubelet.pid_of(found) for found in after}


async def test_servers_with_tls_are_probed_and_called(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path, tmp_path: Path
) -> None:
    """A mounted certificate is found by the server, HTTPS probes pass, and clients verify it."""
    authority = certificates.make_authority(tmp_path / "tls", "authority")
    pair = certificates.issue(authority, tmp_path / "tls", "server")
    await api.create(workloads.tls_secret(pair), namespace=namespace)
    workload = workloads.with_tls()
    await workloads.create(api, namespace, workloads.config_text(model), workload)
    await pods.rolled_out(api, namespace, NAME)

    credentials = grpc.ssl_channel_credentials(authority.certificate.read_bytes())
    async with (
        ServiceClient(
            api,
            namespace,
            NAME,
            kubelet.addresses_file,
            credentials=credentials,
            server_name="localhost",
        ) as service,
        service.load("m", sizes=[1, 2]) as load,
    ):
        await load.answered(20)

    load.results.require_flawless()


async def test_pods_come_back_after_their_node_has_crashed(
    api: ApiClient, namespace: str, kubelet: Kubelet, model: Path
) -> None:
    """After the node's own crash its pods are started again, at their addresses."""
    await workloads.create(api, namespace, workloads.config_text(model), Workload())
    [pod] = await pods.rolled_out(api, namespace, NAME)

    kubelet.daemon.kill()
    kubelet.start()

    def is_new(found: dict[str, object]) -> bool:
        return pods.is_ready(found) and kubelet.pid_of(found) != kubelet.pid_of(pod)

    again = await api.wait_for("Pod", pod["metadata"]["name"], namespace, until=is_new, seconds=40)
    assert again["status"]["podIP"] == pod["status"]["podIP"]
