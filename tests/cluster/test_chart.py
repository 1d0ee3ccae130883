"""The chart on a real API server: installed, upgraded, rolled back, removed; its rights, its test."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from tests.support import helm
from tests.support.cluster import monitors, pods
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.kinds import find_kind
from tests.support.cluster.node import Kubelet
from tests.support.cluster.operatorprocess import Operators
from tests.support.helm import CHART
from tests.support.modelservers import make_server

pytestmark = pytest.mark.slow

RELEASE = "bw"
NAME = "bw-batchwright"
INSTANCE = "app.kubernetes.io/instance"
SECRET = "bw-batchwright-admin"  # noqa: S105  its name
MATRIX = {
    "defaults": [],
    "one replica": ["--set=replicas=1"],
    "images by digest": [f"--set=image.digest=sha256:{'0' * 64}", "--set=image.pullPolicy=Always"],
    "namespaces": ["--set=namespaces={NAMESPACE}"],
    "everything": ["--set=networkPolicy.egress.enabled=true", "--set=metrics.dashboard.enabled=true"],
    "bare": [
        "--set=rbac.create=false,serviceAccount.create=false,podDisruptionBudget.enabled=false",
        "--set=networkPolicy.enabled=false,test.enabled=false,adminKey.existingSecret=mine",
    ],
    "no fixed user": [
        "--set=podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null",
        "--set=podSecurityContext.fsGroup=null",
    ],
    "placement": [
        "--set=priorityClassName=system-cluster-critical,nodeSelector.a=b,podLabels.a=b,commonLabels.c=d",
        "--set=tolerations[0].key=a,tolerations[0].operator=Exists,podAnnotations.a=b",
        "--set=topologySpreadConstraints[0].maxSkew=1,topologySpreadConstraints[0].topologyKey=zone",
        "--set=topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule",
        "--set=imagePullSecrets[0].name=s,extraEnv[0].name=A,extraEnv[0].value=b,fullnameOverride=other",
        "--set=networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.a=b",
        "--set=networkPolicy.egress.enabled=true,networkPolicy.egress.apiServer.cidrs={10.0.0.1/32}",
    ],
}


@pytest.fixture
async def restricted(api: ApiClient, namespace: str) -> str:
    """The test's namespace, which enforces the restricted Pod Security Standard."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    await api.patch("Namespace", namespace, patch={"metadata": {"labels": label}})
    return namespace


@pytest.fixture
def release(control_plane: Cluster, namespace: str) -> Iterator["Release"]:
    """A release in the test's namespace, which is removed after it."""
    made = Release(control_plane, namespace)
    try:
        yield made
    finally:
        made.helm("uninstall", RELEASE, "--ignore-not-found")


class Release:
    """One release of the chart, limited to a namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def helm(self, *arguments: str) -> str:
        """What helm says."""
        where = f"--namespace={self._namespace}"
        return helm.run(*arguments, where, kubeconfig=self._cluster.kubeconfig)

    def install(self, *options: str) -> str:
        """Install it, for its namespace alone."""
        chosen = f"--set=namespaces={{{self._namespace}}}"
        return self.helm("install", RELEASE, str(CHART), "--skip-crds", chosen, *options)


@pytest.mark.parametrize("options", MATRIX.values(), ids=MATRIX.keys())
def test_the_api_server_takes_every_manifest(
    control_plane: Cluster, restricted: str, options: list[str]
) -> None:
    """Whatever the values, each object is valid with no unknown field, and pods are restricted ones."""
    given = [option.replace("NAMESPACE", restricted) for option in options]
    manifests = helm.template(RELEASE, restricted, *given)
    # A Deployment is taken whatever its pods are; so its pod is asked for as well.
    for deployment in [it for it in manifests if it["kind"] == "Deployment"]:
        template = deployment["spec"]["template"]
        template["spec"]["priorityClassName"] = ""
        metadata = {**template["metadata"], "name": "probe", "namespace": restricted}
        spec = {**template["spec"], "serviceAccountName": "default"}
        manifests.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    for pod in [it for it in manifests if it["kind"] == "Pod"]:
        pod["spec"]["serviceAccountName"] = "default"  # an account that is there

    said = control_plane.kubectl(
        "create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.safe_dump_all(manifests)
    )

    assert said.count("created (server dry run)") == len(manifests)


@pytest.mark.skipif(not monitors.can_have_real_definitions(), reason="GO MISSING: it brings the schemas")
def test_the_prometheus_operator_takes_what_is_made_for_it(
    control_plane: Cluster, namespace: str
) -> None:
    """By its own definitions: monitors and rules of the chart, and the monitor of a ModelServer."""
    chosen = ("--set=metrics.prometheusRule.alertLabels.team=a", *helm.EVERYTHING)
    found = helm.template(RELEASE, namespace, *chosen)
    manifests = [it for it in found if it["apiVersion"].startswith("monitoring.coreos.com/")]
    spec: dict[str, Any] = {
        "monitoring": {"serviceMonitor": True},
        "tls": {"secretName": "certificates"},
    }
    server = make_server(**spec)
    rendered = render_bundle(server, Settings(), {}).manifests
    manifests += [it for it in rendered if it["kind"] == "ServiceMonitor"]
    for manifest in manifests:
        manifest["metadata"]["namespace"] = namespace

    with monitors.real_definitions(control_plane):
        said = control_plane.kubectl(
            "create", "--dry-run=server", "--validate=strict", "-f", "-",
            stdin=yaml.safe_dump_all(manifests),
        )  # fmt: skip

    assert sorted(it["kind"] for it in manifests) == [
        "PrometheusRule",
        "ServiceMonitor",
        "ServiceMonitor",
    ]
    assert said.count("created (server dry run)") == 3


async def test_keys_outlive_upgrade_rollback_and_uninstall(
    api: ApiClient, namespace: str, release: Release
) -> None:
    """No command of helm changes the Secret, not even where its owner rotated the keys in between."""
    release.install()
    first = (await api.get("Secret", SECRET, namespace))["data"]["keys"]
    release.helm("upgrade", RELEASE, str(CHART), "--reuse-values", "--set=workers=3")
    assert (await api.get("Secret", SECRET, namespace))["data"]["keys"] == first

    await api.patch("Secret", SECRET, namespace, patch={"stringData": {"keys": "new\nold\n"}})
    rotated = (await api.get("Secret", SECRET, namespace))["data"]["keys"]
    assert "--workers=3" in await _arguments(api, namespace)
    release.helm("rollback", RELEASE, "1")
    assert "--workers=16" in await _arguments(api, namespace)
    assert (await api.get("Secret", SECRET, namespace))["data"]["keys"] == rotated

    release.helm("uninstall", RELEASE)
    assert await api.find("Deployment", NAME, namespace) is None
    assert (await api.get("Secret", SECRET, namespace))["data"]["keys"] == rotated
    release.install()
    assert (await api.get("Secret", SECRET, namespace))["data"]["keys"] == rotated


async def _arguments(api: ApiClient, namespace: str) -> list[str]:
    deployment = await api.get("Deployment", NAME, namespace)
    arguments: list[str] = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return arguments


async def test_uninstall_leaves_definitions_and_objects(
    api: ApiClient, namespace: str, release: Release
) -> None:
    """ModelServers go on without the operator; what the chart made itself is gone, roles included."""
    release.install(*helm.EVERYTHING[2:])
    server = {
        "apiVersion": "batchwright.dev/v1alpha1",
        "kind": "ModelServer",
        "metadata": {"name": "vision", "namespace": namespace},
        "spec": {"models": [{"name": "m", "source": {"pvc": {"claimName": "models"}}}]},
    }
    await api.create(server)

    release.helm("uninstall", RELEASE)

    assert await api.get("ModelServer", "vision", namespace)
    assert await api.get("CustomResourceDefinition", "modelservers.batchwright.dev")
    for kind in ("Deployment", "Service", "ConfigMap", "ServiceAccount", "NetworkPolicy"):
        left = await api.list(kind, namespace)
        assert not [it for it in left if it["metadata"].get("labels", {}).get(INSTANCE) == RELEASE]


def test_definitions_are_installed_and_upgraded_as_documented(
    control_plane: Cluster, namespace: str, release: Release, tmp_path: Path
) -> None:
    """Helm installs them; the README's command brings them up to date, whoever wrote them before."""
    crd = "modelservers.batchwright.dev"
    control_plane.kubectl("delete", "crd", crd, "pipelines.batchwright.dev")
    try:
        release.helm("install", RELEASE, str(CHART), f"--set=namespaces={{{namespace}}}")
        assert control_plane.kubectl("get", "crd", crd, "-o", "name")
        newer = helm.run("show", "crds", str(CHART)).replace(
            "shortNames:\n    - bms", "shortNames:\n    - bms\n    - bmsnew"
        )
        shown = "\n".join(line for line in newer.splitlines() if not line.startswith("level="))

        control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=shown)

        names = json.loads(control_plane.kubectl("get", "crd", crd, "-o", "json"))["spec"]["names"]
        assert names["shortNames"] == ["bms", "bmsnew"]
    finally:
        control_plane.apply_custom_resources()


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (
            "view",
            ["get modelservers", "watch pipelines", "get modelservers/scale"],
            ["create modelservers", "patch modelservers/scale", "get secrets"],
        ),
        (
            "edit",
            ["create modelservers", "delete pipelines", "patch modelservers/scale", "get modelservers"],
            ["patch modelservers/status", "create roles"],
        ),
        (
            "admin",
            ["create modelservers", "deletecollection pipelines", "get modelservers/status"],
            ["update modelservers/status", "patch pipelines/status"],
        ),
    ],
)
async def test_roles_are_aggregated(
    control_plane: Cluster, namespace: str, role: str, may: list[str], may_not: list[str]
) -> None:
    """Who has one of Kubernetes' roles has what it says of our kinds, and status is nobody's."""
    chosen = helm.template("agg", namespace, "--show-only=templates/aggregate.yaml")
    control_plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(chosen))
    user = f"{role}er"
    control_plane.kubectl(
        "create", "rolebinding", role, f"--clusterrole={role}", f"--user={user}", "-n", namespace
    )
    try:
        for line in may:
            await _until_allowed(control_plane, user, namespace, line)
        for line in may_not:
            assert not _can(control_plane, user, namespace, line), line
    finally:
        control_plane.kubectl("delete", "-f", "-", stdin=yaml.safe_dump_all(chosen))


async def _until_allowed(cluster: Cluster, user: str, namespace: str, line: str) -> None:
    async with asyncio.timeout(20):  # for the controller that aggregates
        while not _can(cluster, user, namespace, line):
            await asyncio.sleep(0.2)


def _can(cluster: Cluster, user: str, namespace: str, line: str) -> bool:
    verb, resource = line.split()
    group = ".batchwright.dev" if resource.startswith(("modelservers", "pipelines")) else ""
    plural, _, subresource = resource.partition("/")
    attributes = {
        "namespace": namespace,
        "verb": verb,
        "group": group.removeprefix("."),
        "resource": plural,
        "subresource": subresource,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    answer = cluster.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def test_the_operator_may_nothing_outside_its_namespaces(
    control_plane: Cluster, namespace: str, release: Release
) -> None:
    """A namespaced install has all it needs there, and nothing at all elsewhere."""
    release.install()
    account = f"system:serviceaccount:{namespace}:{NAME}"

    for line in ("list modelservers", "patch modelservers/status", "create services", "watch pods"):
        assert _can(control_plane, account, namespace, line), line
        assert not _can(control_plane, account, "default", line), line
        assert not _can(control_plane, account, "", line), line
    for line in ("get secrets", "delete services", "create pods", "patch pods", "create roles"):
        assert not _can(control_plane, account, namespace, line), line


async def test_the_charts_own_test_passes(
    api: ApiClient,
    control_plane: Cluster,
    namespace: str,
    kubelet: Kubelet,
    operators: Operators,
    tmp_path: Path,
) -> None:
    """The program of `helm test`, with its own account's rights alone, serves, asks and cleans up."""
    chosen = (f"--set=namespaces={{{namespace}}}", "--show-only=templates/tests/predict.yaml")
    account, role, binding, pod = helm.template(RELEASE, namespace, *chosen)
    for manifest in (account, role, binding):
        await api.create(manifest)
    operators.start(kubelet=kubelet)
    [container] = pod["spec"]["containers"]
    given = {item["name"]: item["value"] for item in container["env"]}
    async with _service(api, kubelet, namespace, given["MODEL_SERVER"]) as url:
        files = _account_files(control_plane, tmp_path, namespace, account["metadata"]["name"])
        environ = (
            os.environ
            | given
            | _in_cluster(control_plane)
            | {"ACCOUNT": str(files), "MODEL_SERVER_URL": url}
        )
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-c", container["args"][0], env=environ,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(running.communicate(), 120)

    assert running.returncode == 0, said.decode()
    assert said.decode().splitlines()[-1] == "ok"
    assert "answers [[6.0, 1.0], [-2.0, 0.0], [4.0, 4.0]]" in said.decode()
    assert await api.find("ModelServer", given["MODEL_SERVER"], namespace) is None
    assert await api.find("ConfigMap", f"{given['MODEL_SERVER']}-model", namespace) is None


def _account_files(cluster: Cluster, directory: Path, namespace: str, name: str) -> Path:
    path = find_kind("ServiceAccount").path(namespace, name, "token")
    answer = cluster.request("POST", path, {"spec": {"expirationSeconds": 600}})
    (directory / "token").write_text(answer["status"]["token"])
    root = cluster.request("GET", find_kind("ConfigMap").path(namespace, "kube-root-ca.crt"))
    (directory / "ca.crt").write_text(root["data"]["ca.crt"])
    return directory


def _in_cluster(cluster: Cluster) -> dict[str, str]:
    url = urlsplit(cluster.access.url)
    return {"KUBERNETES_SERVICE_HOST": str(url.hostname), "KUBERNETES_SERVICE_PORT": str(url.port)}


@asynccontextmanager
async def _service(api: ApiClient, kubelet: Kubelet, namespace: str, name: str) -> AsyncIterator[str]:
    """What a Service does: a connection goes to a pod that is ready, or nowhere."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found: list[Object] = (
            await pods.ready(api, namespace, name)
            if await api.find("Deployment", name, namespace)
            else []
        )
        if found:
            there, target = await asyncio.open_connection(kubelet.address_of(found[0]), 8000)
            await asyncio.gather(_pass_on(reader, target), _pass_on(there, writer))
        writer.close()

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1 << 16):
        writer.write(chunk)
        await writer.drain()
    writer.close()
