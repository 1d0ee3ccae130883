"""What a real API server and kubectl make of the custom resources' definitions."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from batchwright_operator.resources.objects import read_object
from batchwright_operator.resources.schema import defaults, definition
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, ApiError
from tests.support.custom_resources import Case, rule_cases, shape_cases
from tests.support.modelservers import model_document, server_document
from tests.support.pipelines import pipeline_document

EXAMPLES = sorted((Path(__file__).parents[2] / "example_client" / "manifests").glob("*.yaml"))
CASES = [*rule_cases(), *shape_cases()]
SCHEMAS = {kind.kind: definition.render_schema(kind) for kind in definition.KINDS}
STATUS = {
    "replicas": 2,
    "readyReplicas": 1,
    "selector": "app=vision",
    "summary": {"models": "1/1", "strategies": "Demultiplex"},
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Serving",
            "message": "All models are served.",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ],
    "models": [{"name": "resnet", "policy": {"of": {"another": ["release", 1.5]}}}],
}


async def _try(api: ApiClient, document: dict[str, Any]) -> dict[str, Any]:
    return await api.create(document, namespace="default", dryRun="All", fieldValidation="Strict")


async def test_definitions_are_established(api: ApiClient) -> None:
    """An API server takes the definitions and finds nothing to complain about in their schemas."""
    for kind in definition.KINDS:
        found = await api.get("CustomResourceDefinition", f"{kind.plural}.{definition.GROUP}")
        conditions = {item["type"]: item["status"] for item in found["status"]["conditions"]}
        assert conditions["Established"] == conditions["NamesAccepted"] == "True"
        assert "NonStructuralSchema" not in conditions


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
async def test_rules(api: ApiClient, case: Case) -> None:
    """What keeps a rule is taken; what breaks it is refused, with words that help."""
    await _try(api, case.good)
    with pytest.raises(ApiError) as refusal:
        await _try(api, case.bad)
    assert refusal.value.status == 422
    assert case.told in refusal.value.message


@pytest.mark.parametrize(
    "document", [server_document(), pipeline_document()], ids=lambda item: item["kind"]
)
async def test_defaults_appear(api: ApiClient, document: dict[str, Any]) -> None:
    """The stored object says what holds where the user said nothing, and is read as the same."""
    stored = await _try(api, document)
    assert stored["spec"] == defaults.fill(SCHEMAS[document["kind"]], document)["spec"]
    read = read_object(stored)
    assert read.spec == read_object(document).spec


async def test_the_largest_object_is_taken(api: ApiClient) -> None:
    """The rules' cost stays within an API server's budget where every list is as long as may be."""
    claim = {"claimName": "models", "path": "ab/" * 341}
    batching = {"strategy": "Fixed", "fixed": {"batchSize": 4}, "dynamic": {"min": 1, "max": 4}}
    models = [
        {"name": f"m{index}", "source": {"pvc": claim}, "batching": batching} for index in range(256)
    ]
    env = [{"name": f"E{index}", "value": "x" * 99} for index in range(128)]
    amounts = {f"example.com/r{index}": "1" for index in range(16)}
    marks = {f"{'x' * 250}/{'y' * 60}{index}": "z" for index in range(64)}
    pod = {"env": env, "resources": {"requests": amounts, "limits": amounts}}
    pod |= {"labels": marks, "annotations": marks}
    stored = await _try(
        api, server_document(*models, pod=pod, networkPolicy={"from": [{"podSelector": {}}] * 64})
    )
    assert len(stored["spec"]["models"]) == 256


async def test_unknown_fields_are_pruned(api: ApiClient) -> None:
    """A client that does not ask for strictness loses what nobody knows; open blocks are kept whole."""
    affinity = {"nodeAffinity": {"of": "any", "kind": [1]}}
    model = model_document(batching={"tomorrow": 1})
    document = server_document(model, unknown=1, pod={"affinity": affinity})
    stored = await api.create(document, namespace="default", dryRun="All")
    assert "unknown" not in stored["spec"]
    assert "tomorrow" not in stored["spec"]["models"][0]["batching"]
    assert stored["spec"]["pod"]["affinity"] == affinity


async def test_the_policys_state_is_kept(api: ApiClient, namespace: str) -> None:
    """The status is a subresource, and keeps what only the policy knows."""
    await api.create({**server_document(), "status": STATUS}, namespace=namespace)
    created = await api.get("ModelServer", "vision", namespace)
    assert "status" not in created
    written = await api.patch(
        "ModelServer", "vision", namespace, patch={"status": STATUS}, subresource="status"
    )
    assert written["status"] == STATUS
    assert written["metadata"]["generation"] == created["metadata"]["generation"]


async def test_models_are_merged_by_name(api: ApiClient, namespace: str) -> None:
    """Two appliers of one object each keep their own models."""
    await api.apply(server_document(model_document("one")), manager="a", namespace=namespace)
    both = await api.apply(server_document(model_document("two")), manager="b", namespace=namespace)
    assert [model["name"] for model in both["spec"]["models"]] == ["one", "two"]


async def test_kubectl_refuses_unknown_fields(control_plane: Cluster, namespace: str) -> None:
    """A misspelt field is told to whoever applies it."""
    text = yaml.safe_dump(server_document(model_document(batchng={})))
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        control_plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)
    assert 'unknown field "spec.models[0].batchng"' in refusal.value.stderr


async def test_kubectl_shows_columns(control_plane: Cluster, api: ApiClient, namespace: str) -> None:
    """`kubectl get` tells at a glance how a ModelServer does, and why with `-o wide`."""
    await api.create(server_document(), namespace=namespace)
    await api.patch("ModelServer", "vision", namespace, patch={"status": STATUS}, subresource="status")
    head, row = control_plane.kubectl("get", "bms", "-n", namespace).splitlines()
    assert head.split() == ["NAME", "READY", "MODELS", "STRATEGY", "REPLICAS", "AGE"]
    assert row.split()[:5] == ["vision", "True", "1/1", "Demultiplex", "2"]
    wide = control_plane.kubectl("get", "batchwright", "-n", namespace, "-o", "wide")
    assert "Serving" in wide
    assert "All models are served." in wide


async def test_kubectl_shows_pipelines(control_plane: Cluster, api: ApiClient, namespace: str) -> None:
    """`kubectl get bpl` tells whose models a Pipeline uses."""
    await api.create(pipeline_document(), namespace=namespace)
    head, row = control_plane.kubectl("get", "bpl", "-n", namespace).splitlines()
    assert head.split() == ["NAME", "ACCEPTED", "READY", "MODELSERVER", "AGE"]
    assert row.split()[:2] == ["twice", "vision"]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("modelserver.spec.models.batching", ["maxBatchSize\t<integer>", "The largest batch size"]),
        ("modelserver.spec.models.source", ["configMap\t<Object>", "A persistent volume."]),
        ("modelserver.status.models", ["strategy\t<string>", "The strategy it is served by."]),
        ("pipeline.spec.nodes", ["gatherFrom\t<string>", "-required-"]),
    ],
)
def test_kubectl_explains(control_plane: Cluster, field: str, words: list[str]) -> None:
    """`kubectl explain` reads like documentation."""
    told = control_plane.kubectl("explain", field)
    assert [word for word in words if word not in told] == []
    assert "<no description>" not in told


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_kubectl_applies_examples(control_plane: Cluster, file: Path) -> None:
    """Every example is taken as it is, by client-side apply and by the server's."""
    for how in ([], ["--server-side"]):
        told = control_plane.kubectl("apply", *how, "--dry-run=server", "-f", str(file))
        assert "(server dry run)" in told


async def test_kubectl_scales(control_plane: Cluster, api: ApiClient, namespace: str) -> None:
    """The number of pods is scaled as a Deployment's is, which an autoscaler does too."""
    await api.create(server_document(), namespace=namespace)
    await api.patch("ModelServer", "vision", namespace, patch={"status": STATUS}, subresource="status")
    control_plane.kubectl("scale", "modelserver/vision", "--replicas=3", "-n", namespace)
    found = await api.get("ModelServer", "vision", namespace)
    assert found["spec"]["replicas"] == 3
    path = f"/apis/batchwright.dev/v1alpha1/namespaces/{namespace}/modelservers/vision/scale"
    scale = await api.call("GET", path)
    assert scale["status"] == {"replicas": 2, "selector": "app=vision"}
