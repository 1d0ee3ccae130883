"""The chart's rights, by the API server's audit: enough for all the operator does, and no more."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.names import Manifest
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from tests.support.cluster import monitors
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.controlplane import ControlPlane
from tests.support.cluster.network import network
from tests.support.cluster.operatorprocess import Operators, render_chart
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.modelservers import server_document
from tests.support.pipelines import pipeline_document
from tests.support.polling import eventually

pytestmark = pytest.mark.slow

Right = tuple[str, str, str]  # verb, API group, resource

EVERYTHING: dict[str, Any] = {
    "networkPolicy": {},
    "autoscaling": {"maxReplicas": 2},
    "monitoring": {"serviceMonitor": True},
}
OWNED = (
    ("ConfigMap", "vision-config"),
    ("Deployment", "vision"),
    ("Service", "vision"),
    ("ServiceAccount", "vision"),
    ("PodDisruptionBudget", "vision"),
    ("HorizontalPodAutoscaler", "vision"),
    ("NetworkPolicy", "vision"),
    ("ServiceMonitor", "vision"),
)
ON_REQUEST = ("HorizontalPodAutoscaler", "NetworkPolicy", "ServiceMonitor")
# Never a call: the API server asks for it where OwnerReferencesPermissionEnforcement is on, as in tests.
NOT_CALLED: frozenset[Right] = frozenset({("update", "batchwright.dev", "modelservers/finalizers")})
PART = "app.kubernetes.io/component"


@pytest.mark.parametrize("everywhere", [False, True], ids=["namespaced", "cluster-wide"])
async def test_the_rights_are_enough_and_none_is_spare(
    api: ApiClient,
    namespace: str,
    own_control_plane: ControlPlane,
    tmp_path: Path,
    everywhere: bool,
) -> None:
    """In a life with everything in it no call is forbidden, each right is used, and no finalizer set."""
    operators = Operators(own_control_plane, namespace, tmp_path, everywhere=everywhere)
    between = network(own_control_plane, operators, tmp_path)
    try:
        async with monitors.monitors(api), between as (proxy, kubeconfig):
            operators.start(kubeconfig=kubeconfig)
            await be_refused_by_what_is_there(api, namespace)
            await live(api, namespace, proxy)
    finally:
        operators.end()
    events = own_control_plane.audit_events(operators.user)
    assert events
    used = {right_of(event) for event in events if "objectRef" in event}
    granted = set(rights(namespace, everywhere=everywhere))

    assert [event for event in events if is_forbidden(event)] == []
    assert granted - used == NOT_CALLED


async def be_refused_by_what_is_there(api: ApiClient, namespace: str) -> None:
    """ModelServers whose names are taken, in each kind."""
    for name, is_config_map in (("taken", False), ("other", True)):
        document = server_document(name=name, replicas=0, **EVERYTHING)
        for manifest in foreign_objects(document, namespace):
            if (manifest["kind"] == "ConfigMap") == is_config_map:
                await api.create(manifest, namespace=namespace)
        await api.create(document, namespace=namespace)
        await api.wait_for("ModelServer", name, namespace, until=has_reason("ObjectNotOwned"))


async def live(api: ApiClient, namespace: str, proxy: FaultProxy) -> None:
    """A ModelServer with everything: made, edited by others, disputed, reduced, gone."""
    await api.create(server_document(name="vision", replicas=1, **EVERYTHING), namespace=namespace)
    await api.create(pipeline_document("twice"), namespace=namespace)
    for kind, name in OWNED:
        await api.wait_for(kind, name, namespace, until=bool)
        await api.patch(kind, name, namespace, patch={"metadata": {"labels": {PART: None}}})
    for kind, name in OWNED:
        found = await api.wait_for(kind, name, namespace, until=has_label)
        assert "finalizers" not in found["metadata"]
    await lose_conflicts(api, namespace, proxy)
    await lose_an_account(api, namespace)
    await api.patch("ModelServer", "vision", namespace, patch={"spec": dict.fromkeys(EVERYTHING)})
    for kind in ON_REQUEST:
        await api.wait_until_gone(kind, "vision", namespace)
    for kind, name in (("ModelServer", "vision"), ("Pipeline", "twice")):
        assert "finalizers" not in (await api.get(kind, name, namespace))["metadata"]
        await api.delete(kind, name, namespace)


async def lose_conflicts(api: ApiClient, namespace: str, proxy: FaultProxy) -> None:
    """Statuses that are written over something newer, once each."""
    edit = {"spec": {"demultiplyCount": None}}
    for kind, name, patch in (
        ("ModelServer", "vision", {"spec": {"replicas": 0}}),
        ("Pipeline", "twice", edit),
    ):
        conflict = proxy.add(Fault(frozenset({"PATCH"}), f"/{name}/status$", status=409, times=1))
        edited = await api.patch(kind, name, namespace, patch=patch)
        await api.wait_for(kind, name, namespace, until=observed(edited["metadata"]["generation"]))
        assert conflict.hits == 1


async def lose_an_account(api: ApiClient, namespace: str) -> None:
    """The same bad news twice: counted by one event."""
    nobody = {"metadata": {"ownerReferences": None}}
    await api.patch("ServiceAccount", "vision", namespace, patch=nobody)
    await api.wait_for("ModelServer", "vision", namespace, until=has_reason("ObjectNotOwned"))
    await api.delete("ServiceAccount", "vision", namespace)
    relabelled = {"metadata": {"labels": {"team": "recognition"}}}  # so that all is rendered anew
    await api.patch("ModelServer", "vision", namespace, patch=relabelled)
    await api.wait_for("ServiceAccount", "vision", namespace, until=is_owned)
    await api.wait_for("ModelServer", "vision", namespace, until=is_content)
    await api.patch("ServiceAccount", "vision", namespace, patch=nobody)
    await eventually(lambda: was_counted(api, namespace))


def foreign_objects(document: Object, namespace: str) -> Iterator[Manifest]:
    """What would be rendered, as objects of somebody else."""
    server = ModelServer.model_validate(document)
    for manifest in render_bundle(server, Settings(), {}).manifests:
        metadata = {"name": manifest["metadata"]["name"], "namespace": namespace}
        yield {**manifest, "metadata": metadata}


def rights(namespace: str, *, everywhere: bool) -> Iterator[Right]:
    """All that the chart grants; there is no wildcard in it."""
    values = [] if everywhere else [f"--set=namespaces={{{namespace}}}"]
    rendered = render_chart(namespace, "--show-only=templates/rbac.yaml", *values)
    roles = [item for item in yaml.safe_load_all(rendered) if item and "rules" in item]
    assert {item["kind"] for item in roles} == ({"ClusterRole", "Role"} if everywhere else {"Role"})
    for rule in (rule for role in roles for rule in role["rules"]):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                yield from ((verb, group, resource) for verb in rule["verbs"])
                assert "*" not in {group, resource, *rule["verbs"]}


def right_of(event: Object) -> Right:
    """The right by which a call was made."""
    about = event["objectRef"]
    resource = "/".join(about[key] for key in ("resource", "subresource") if key in about)
    return event["verb"], about.get("apiGroup", ""), resource


def is_forbidden(event: Object) -> bool:
    """Whether a right was missing; a namespace that ends is another 403."""
    return bool(event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid")


def has_label(found: Object) -> bool:
    return PART in found["metadata"].get("labels", {})


def is_owned(found: Object) -> bool:
    return bool(found["metadata"].get("ownerReferences"))


def conditions(found: Object) -> list[Object]:
    return found.get("status", {}).get("conditions") or []


def has_reason(reason: str) -> Callable[[Object], bool]:
    return lambda found: any(item["reason"] == reason for item in conditions(found))


def is_content(found: Object) -> bool:
    return bool(conditions(found)) and not has_reason("ObjectNotOwned")(found)


def observed(generation: int) -> Callable[[Object], bool]:
    return lambda found: found.get("status", {}).get("observedGeneration") == generation


async def was_counted(api: ApiClient, namespace: str) -> bool:
    told = await api.list("Event", namespace)
    mine = [event for event in told if event["regarding"]["name"] == "vision"]
    return any((event.get("series") or {}).get("count", 0) > 1 for event in mine)
