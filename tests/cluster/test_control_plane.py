"""The control plane and the node that tests of the operator stand on."""

from pathlib import Path

import pytest
import yaml

from tests.support.cluster import access
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, ApiError
from tests.support.cluster.controlplane import ControlPlane


async def test_a_service_account_has_the_rights_of_its_roles_only(
    control_plane: Cluster, api: ApiClient, namespace: str
) -> None:
    """Authorization is a real cluster's: an account without a role is refused, with one it may read."""
    path = control_plane.kubeconfig_for_service_account(namespace, "default")
    async with ApiClient(path) as nobody:
        with pytest.raises(ApiError) as refusal:
            await nobody.list("ConfigMap", namespace)
        assert refusal.value.status == 403
        await api.create(_binding(namespace, "view"))
        listed = await nobody.list("ConfigMap", namespace)

    assert [item["metadata"]["name"] for item in listed] == ["kube-root-ca.crt"]


async def test_what_a_user_asks_is_on_record(own_control_plane: ControlPlane, namespace: str) -> None:
    """A test can tell which calls a user made, and with what result."""
    path = own_control_plane.kubeconfig_for_user("auditor")
    async with ApiClient(path) as auditor:
        with pytest.raises(ApiError):
            await auditor.list("Secret", namespace)

    [event] = own_control_plane.audit_events("auditor")
    assert (event["verb"], event["objectRef"]["resource"]) == ("list", "secrets")
    assert event["responseStatus"]["code"] == 403


async def test_objects_outlive_the_api_server(
    own_control_plane: ControlPlane, api: ApiClient, namespace: str
) -> None:
    """A killed API server comes back at its address with all that it had."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}
    created = await api.create(manifest, namespace=namespace)

    own_control_plane.restart_api_server()

    found = await api.get("ConfigMap", "kept", namespace)
    assert found["metadata"]["uid"] == created["metadata"]["uid"]


async def test_a_paused_api_server_answers_nobody(own_control_plane: ControlPlane) -> None:
    """A pause looks like a network that swallows everything; afterwards all goes on."""
    async with ApiClient(own_control_plane.access, timeout_seconds=0.5) as hasty:
        own_control_plane.api_server.pause()
        try:
            with pytest.raises(TimeoutError):
                await hasty.list("Namespace")
        finally:
            own_control_plane.api_server.resume()
        own_control_plane.wait_until_ready()


def test_a_cluster_that_is_not_for_tests_is_refused(tmp_path: Path) -> None:
    """A kubeconfig is taken only if the name of its context says that the cluster is disposable."""
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump({"current-context": "production"}))
    with pytest.raises(access.NotDisposable, match="production"):
        access.check_disposable(path)

    path.write_text(yaml.safe_dump({"current-context": "kind-batchwright"}))
    access.check_disposable(path)


def _binding(namespace: str, role: str) -> dict[str, object]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }
