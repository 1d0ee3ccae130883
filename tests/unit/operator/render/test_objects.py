"""The objects around the pods: when they are there, and what they let through."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.render.bundle import Bundle, render_bundle, rendered_hash
from batchwright_operator.render.names import Manifest
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.document import parse_document
from tests.support.modelservers import make_server, model_document, server_document

ON_REQUEST: dict[str, dict[str, Any]] = {
    "HorizontalPodAutoscaler": {"autoscaling": {"maxReplicas": 3}},
    "NetworkPolicy": {"networkPolicy": {}},
    "ServiceMonitor": {"monitoring": {"serviceMonitor": True}},
}


def bundle_of(*models: Manifest, **spec: Any) -> Bundle:
    """What is rendered for a ModelServer of that specification."""
    return render_bundle(make_server(*models, **spec), Settings(), {})


def only(kind: str, **spec: Any) -> Manifest:
    """The one manifest of that kind."""
    (found,) = (item for item in bundle_of(**spec).manifests if item["kind"] == kind)
    return found


def pods_of(bundle: Bundle) -> Manifest:
    """The specification of its pods."""
    spec: Manifest = bundle.deployment["spec"]["template"]["spec"]
    return spec


def test_what_is_always_there_in_its_order() -> None:
    """What pods need is made before them; what is not asked for is named, to be removed."""
    bundle = bundle_of()
    assert [(item["kind"], item["metadata"]["name"]) for item in bundle.manifests] == [
        ("ServiceAccount", "vision"),
        ("ConfigMap", "vision-config"),
        ("Service", "vision"),
        ("Service", "vision-headless"),
        ("PodDisruptionBudget", "vision"),
        ("Deployment", "vision"),
    ]
    assert set(bundle.unwanted) == {(kind, "vision") for kind in ON_REQUEST}


@pytest.mark.parametrize("kind", ON_REQUEST)
def test_what_is_there_on_request(kind: str) -> None:
    """Asked for, it is made, and is no longer unwanted."""
    bundle = bundle_of(**ON_REQUEST[kind])
    assert bundle.find(kind, "vision") is not None
    assert set(bundle.unwanted) == {(other, "vision") for other in ON_REQUEST if other != kind}


def test_everything_is_owned_and_marked() -> None:
    """Every object goes with its ModelServer, is found by its labels and carries its hash."""
    document = server_document(
        **{key: value for one in ON_REQUEST.values() for key, value in one.items()}
    )
    document["metadata"] |= {"uid": "u-1"}
    bundle = render_bundle(ModelServer.model_validate(document), Settings(), {})
    for manifest in bundle.manifests:
        (owner,) = manifest["metadata"]["ownerReferences"]
        assert owner == {
            "apiVersion": "batchwright.dev/v1alpha1",
            "kind": "ModelServer",
            "name": "vision",
            "uid": "u-1",
            "controller": True,
            "blockOwnerDeletion": True,
        }
        assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "batchwright"
        assert rendered_hash(manifest)
    assert all("ownerReferences" not in item["metadata"] for item in bundle_of().manifests)


@pytest.mark.parametrize("monitored", [False, True])
def test_network_policy(*, monitored: bool) -> None:
    """Clients reach the ports for requests, the operator the admin port; Prometheus is a client."""
    monitoring = {"serviceMonitor": monitored}
    peer = {"podSelector": {"matchLabels": {"app": "web"}}}
    policy = only("NetworkPolicy", networkPolicy={"from": [peer]}, monitoring=monitoring)
    clients, operator = policy["spec"]["ingress"]
    assert clients["from"] == [peer]
    assert [port["port"] for port in clients["ports"]] == [9000, 8000, 8002][: 2 + monitored]
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": "batchwright-system"}}
    assert operator["from"] == [{"namespaceSelector": namespace}]
    assert [port["port"] for port in operator["ports"]] == [8002]


def test_network_policy_for_any_client() -> None:
    """Without peers every client is let in, and still nobody but the operator at the admin port."""
    clients, operator = only("NetworkPolicy", networkPolicy={})["spec"]["ingress"]
    assert "from" not in clients
    assert "from" in operator


def test_an_empty_selector_is_one() -> None:
    """It selects all namespaces; left out, it would mean the ModelServer's own."""
    peer = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}
    policy = only("NetworkPolicy", networkPolicy={"from": [peer]})
    assert policy["spec"]["ingress"][0]["from"] == [peer]


def test_the_autoscaler_scales_the_modelserver() -> None:
    """Through /scale: the Deployment follows the ModelServer alone."""
    spec = only("HorizontalPodAutoscaler", autoscaling={"maxReplicas": 3}, replicas=2)["spec"]
    assert spec["scaleTargetRef"]["kind"] == "ModelServer"
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 3)
    assert only("Deployment", autoscaling={"maxReplicas": 3}, replicas=2)["spec"]["replicas"] == 2


def test_each_pod_is_monitored_once() -> None:
    """One of the two Services is selected, and metrics are read over TLS where the pods speak it."""
    tls = {"secretName": "x", "caConfigMap": {"name": "authorities"}}
    monitor = only("ServiceMonitor", monitoring={"serviceMonitor": True}, tls=tls)
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["tlsConfig"]["serverName"] == "vision.default.svc"
    assert endpoint["tlsConfig"]["ca"] == {"configMap": {"name": "authorities", "key": "ca.crt"}}
    (key,) = (item["key"] for item in monitor["spec"]["selector"]["matchExpressions"])
    labels = [item["metadata"]["labels"] for item in bundle_of().manifests if item["kind"] == "Service"]
    assert [key in item for item in labels] == [False, True]


@given(wait=st.integers(1, 10_000))
def test_pods_are_given_time_to_end(wait: int) -> None:
    """More than the sleep before, the longest wait, and what the server takes at most to end."""
    model = model_document(batching={"reload": {"queue": {"maxWaitSeconds": wait}}})
    grace = pods_of(bundle_of(model))["terminationGracePeriodSeconds"]
    sleep, grpc, http, traces = 5, 25, 60, 3
    assert grace > sleep + max(wait, grpc) + http + traces


def test_small_changes_of_waiting_change_no_pod() -> None:
    """A change of batching reaches pods in place."""
    one, other = (
        bundle_of(model_document(batching={"reload": {"queue": {"maxWaitSeconds": wait}}}))
        for wait in (1, 25)
    )
    assert pods_of(one) == pods_of(other)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ({"pvc": {"claimName": "models", "path": "a/b"}}, "/models/models/a/b"),
        ({"image": {"reference": "r.example/m:1", "path": "a"}}, "/models/image_[0-9a-f]{16}/a"),
        (
            {"configMap": {"name": "m", "items": [{"key": "x", "path": "1/model.xml"}]}},
            "/models/configmap_[0-9a-f]{16}",
        ),
    ],
)
def test_models_are_where_they_are_mounted(source: Manifest, path: str) -> None:
    """The document names a directory of a volume that the pod has."""
    bundle = bundle_of({"name": "m", "source": source})
    (model,) = parse_document(bundle.document).models
    mounts = pods_of(bundle)["containers"][0]["volumeMounts"]
    (mount,) = (item for item in mounts if model.base_path.startswith(f"{item['mountPath']}"))
    (volume,) = (item for item in pods_of(bundle)["volumes"] if item["name"] == mount["name"])
    (kind,) = source
    assert ({"pvc": "persistentVolumeClaim"}.get(kind, kind)) in volume
    assert model.base_path == f"{mount['mountPath']}/{source[kind].get('path', '')}".rstrip("/")
    assert model.base_path.startswith(path.split("[", maxsplit=1)[0])


def test_a_volume_is_mounted_once() -> None:
    """Models on one volume share it; another pull policy or other files are another volume."""
    image, always = {"reference": "r:1"}, {"reference": "r:1", "pullPolicy": "Always"}
    sources = [{"image": image}, {"image": {**image, "path": "a"}}, {"image": always}]
    models = [{"name": f"m{index}", "source": source} for index, source in enumerate(sources)]
    bundle = bundle_of(*models)
    of_images = [item for item in pods_of(bundle)["volumes"] if "image" in item]
    assert len(of_images) == 2
    paths = [item["mountPath"] for item in pods_of(bundle)["containers"][0]["volumeMounts"]]
    assert len(set(paths)) == len(paths)


def test_a_variable_is_given_once() -> None:
    """One of the user's takes the place of ours, or the API server would refuse both."""
    env = pods_of(bundle_of(pod={"env": [{"name": "HOME", "value": "/here"}]}))["containers"][0]["env"]
    names = [item["name"] for item in env]
    assert sorted(names) == sorted(set(names))
    assert {"name": "HOME", "value": "/here"} in env


@pytest.mark.parametrize(("port", "has_leave"), [(80, True), (1023, True), (1024, False)])
def test_low_ports(port: int, *, has_leave: bool) -> None:
    """Without capabilities a process listens on them only by leave of the pod's namespace."""
    security = pods_of(bundle_of(service={"httpPort": port}))["securityContext"]
    assert ("sysctls" in security) == has_leave


def test_connections_are_of_age_where_asked_for() -> None:
    """The server is told the seconds after which its clients connect anew, and nothing otherwise."""
    asked = pods_of(bundle_of(service={"maxConnectionAgeSeconds": 300}))["containers"][0]["args"]
    plain = pods_of(bundle_of())["containers"][0]["args"]
    assert sorted(set(asked) - set(plain)) == ["--max_connection_age_seconds=300"]


def test_workers_where_asked_for() -> None:
    """The server is told how many; one is what it has without, so the pods of today stay as they are."""
    asked = pods_of(bundle_of(workers=3))["containers"][0]["args"]
    plain = pods_of(bundle_of())["containers"][0]["args"]
    assert sorted(set(asked) - set(plain)) == ["--workers=3"]
    assert bundle_of(workers=1).manifests == bundle_of().manifests


def test_pods_have_the_labels_and_the_account_asked_for() -> None:
    """Beside our labels, by which they are found; with no token mounted, whosever the account is."""
    use = {"azure.workload.identity/use": "true"}
    bundle = bundle_of(pod={"labels": use, "serviceAccountName": "models-reader"})
    template, plain = (it.deployment["spec"]["template"] for it in (bundle, bundle_of()))
    assert template["metadata"]["labels"] == {**plain["metadata"]["labels"], **use}
    assert template["spec"]["serviceAccountName"] == "models-reader"
    assert template["spec"]["automountServiceAccountToken"] is False
    others = (it for it in bundle.manifests if it["kind"] != "Deployment")
    assert not any(use.items() <= it["metadata"]["labels"].items() for it in others)


@pytest.mark.parametrize("given", [{"labels": {}}, {"annotations": {}}, {"serviceAccountName": None}])
def test_what_is_not_asked_for_changes_no_pods(given: Manifest) -> None:
    """An empty or absent field renders what pods were made of before it was there."""
    assert bundle_of(pod=given).manifests == bundle_of().manifests


def test_pods_are_spread_softly_by_default() -> None:
    """Over nodes, unless the user says how."""
    (spread,) = pods_of(bundle_of())["topologySpreadConstraints"]
    assert (spread["whenUnsatisfiable"], spread["topologyKey"]) == (
        "ScheduleAnyway",
        "kubernetes.io/hostname",
    )
    own = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    assert pods_of(bundle_of(pod={"topologySpreadConstraints": [own]}))["topologySpreadConstraints"] == [
        own
    ]
