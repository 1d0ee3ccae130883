"""The chart agrees with the code: options, metrics, rights, definitions, and its own documentation."""

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from batchwright_operator.cli import cluster
from batchwright_operator.cluster.kubernetes import resources_table
from batchwright_operator.manager.metrics import Metrics
from batchwright_operator.resources.manifests import parse_manifests
from batchwright_operator.workqueue.keyed import Stats
from batchwright_server.runtime.configuration import ReloadResult
from batchwright_server.telemetry.exposition import MetricsCollector
from batchwright_server.workers.metric_sums import worker_metrics
from tests.support import helm
from tests.support.helm import CHART
from tools import chart_reference, dashboard

ROOT = CHART.parents[1]
needs_helm = pytest.mark.skipif(
    not helm.is_there(), reason="no helm; `python -m tests.support.cluster build`"
)
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
ALERTS = [
    rule
    for group in yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((CHART / "dashboards" / "batchwright.json").read_text())
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()
WORDS = re.compile(r"\b(?:batchwright|process)_[a-z_]+\b")


def leaves(node: object, path: str = "") -> Iterator[str]:
    """The paths of all values that are no blocks of further ones."""
    if isinstance(node, dict) and node and path != "metrics.dashboard.labels":
        for key, child in node.items():
            yield from leaves(child, f"{path}.{key}" if path else key)
    else:
        yield path


def expressions() -> Iterator[str]:
    """Every PromQL expression of the chart."""
    yield from (rule["expr"] for rule in ALERTS)
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ()))
    yield from (item["expr"] for item in DASHBOARD["annotations"]["list"])
    yield from (
        item["query"]["query"] for item in DASHBOARD["templating"]["list"] if item["type"] == "query"
    )


def exported() -> set[str]:
    """The names of all series that an operator and a server can have."""
    metrics = Metrics()
    metrics.watch_queue(lambda: Stats(0, 0, 0, 0, 0.0, 0.0, 0))
    metrics.watch_leader(lambda: True)
    metrics.watch_heartbeat(lambda: 0.0)
    state = SimpleNamespace(hash="", rejected_hash="")
    configuration = SimpleNamespace(state=state, results=dict.fromkeys(ReloadResult, 0))
    nothing = SimpleNamespace(servables=(), reachable_pipelines=())
    collector = MetricsCollector(cast("Any", nothing), cast("Any", configuration))
    workers = worker_metrics(ready=0, restarts=0)
    families = [*metrics.registry.collect(), *collector.collect(), *workers]
    return {name for family in families for name in _series(family.name, family.type)}


def _series(name: str, kind: str) -> set[str]:
    suffixes = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_sum", "_count"),
        "info": ("_info",),
    }
    return {name + suffix for suffix in suffixes.get(kind, ("",))}


def anchors() -> list[str]:
    """The sections of the runbooks that are about an alert."""
    return re.findall(r"^### (\w+)$", RUNBOOKS, re.MULTILINE)


def of_kind(manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [item for item in manifests if item["kind"] == kind]


def test_the_readme_has_every_value() -> None:
    """Each value has a meaning, and the table in the README is made of them as they are."""
    text = (CHART / "values.yaml").read_text()
    readme = (CHART / "README.md").read_text()

    assert [path for path, _, _ in chart_reference.meanings(text)] == list(leaves(VALUES))
    assert chart_reference.update_readme(readme, text) == readme


def test_the_schema_knows_every_value_and_no_other() -> None:
    """Each value is in the schema, and no block of the schema is open by neglect."""
    for path in leaves(VALUES):
        node = SCHEMA
        for key in path.split("."):
            while "$ref" in node and key not in node.get("properties", {}):
                node = SCHEMA["$defs"][node["$ref"].rpartition("/")[2]]
            node = node.get("properties", {}).get(key) or node["additionalProperties"]

    assert list(_open_blocks(SCHEMA)) == []


def _open_blocks(node: object) -> Iterator[object]:
    if isinstance(node, dict):
        is_block = isinstance(node.get("properties"), dict) and "$ref" not in node
        if is_block and node.get("additionalProperties") is not False:
            yield node
        for child in node.values():
            yield from _open_blocks(child)


@needs_helm
@pytest.mark.parametrize(
    "value",
    [
        "replica=3",
        "image.tagg=1",
        "metrics.serviceMonitor.enable=true",
        "networkPolicy.egress.apiServer.port=1",
        "resources.limit.memory=1Gi",
        "affinity.podAfinity.x=1",
        "tolerations[0].kee=a",
        "topologySpreadConstraints[0].maxSkew=1",
        "networkPolicy.metricsFrom[0].podSelector.matchLabel.a=b",
        "podSecurityContext.runAsNonRoot=false",
        "serverImage.pullPolicy=Always",
        "workers=0",
        "extraArgs[0]=operator",
        "metrics.prometheusRule.disabled[0]=Other",
    ],
)
def test_a_mistyped_value_is_refused(value: str) -> None:
    """Helm says which value it does not know, however deep it is."""
    with pytest.raises(subprocess.CalledProcessError) as error:
        helm.template("t", "t", f"--set={value}")

    assert "values don't meet the specifications" in error.value.stderr
    assert re.split(r"[.=\[]", value)[0] in error.value.stderr


@needs_helm
def test_the_operator_takes_its_arguments(tmp_path: Path) -> None:
    """What the Deployment says to the container is what the command line understands."""
    chosen = ("--set=namespaces={a,b}", "--set=workers=3", "--set=extraArgs={--no-leader-election}")
    manifests = helm.template("t", "t", *chosen)
    [deployment] = of_kind(manifests, "Deployment")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    name, *arguments = container["args"]
    keys = tmp_path / "keys"
    keys.touch()
    given = [arg.replace("/etc/batchwright-admin/keys", str(keys)) for arg in arguments]

    context = cluster.operator.make_context("operator", given)

    assert name == cluster.operator.name
    assert context.params["namespaces"] == ("a", "b")
    assert context.params["workers"] == 3
    assert context.params["no_leader_election"]
    assert context.params["http_port"] == container["ports"][0]["containerPort"]


@needs_helm
def test_rights_are_those_of_the_resources_in_use() -> None:
    """No wildcard, no Secret, nothing that the operator has no route to; the same in each namespace."""
    [role] = [
        it
        for it in of_kind(helm.template("t", "t"), "ClusterRole")
        if it["metadata"]["name"] == "t-batchwright"
    ]
    roles = of_kind(helm.template("t", "t", "--set=namespaces={a,b}"), "Role")
    rules = role["rules"]
    named = {
        (rule["apiGroups"][0], plural.partition("/")[0])
        for rule in rules
        for plural in rule["resources"]
    }
    routes = {(route.group, route.plural) for route in resources_table._ROUTES}

    assert named <= routes
    assert named | {("coordination.k8s.io", "leases")} == routes
    assert [it["rules"] for it in roles if it["metadata"]["name"] == "t-batchwright"] == [rules, rules]
    assert not [rule for rule in rules if "*" in rule["verbs"]]


@needs_helm
def test_with_namespaces_nothing_is_cluster_wide() -> None:
    """Whoever may do everything in these namespaces, and nothing beyond, can install the chart."""
    manifests = helm.template("t", "t", "--set=namespaces={a,b}", *helm.EVERYTHING)

    assert {it["kind"] for it in manifests if "namespace" not in it["metadata"]} == set()
    assert {it["metadata"]["namespace"] for it in manifests} == {"t", "a", "b"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    """Each has a severity, a summary, a description, and a runbook that is there."""
    notes = alert["annotations"]

    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert notes["summary"]
    assert notes["description"]
    assert notes["runbook_url"] == f"RUNBOOKS#{alert['alert'].lower()}"
    assert alert["alert"] in anchors()


def test_every_runbook_has_its_alert() -> None:
    """No section is about an alert that is no more; links within the page lead somewhere."""
    linked = re.findall(r"\]\(#(\w+)\)", RUNBOOKS)

    assert anchors() == [rule["alert"] for rule in ALERTS]
    assert set(linked) <= {name.lower() for name in anchors()}


def test_every_metric_that_is_asked_for_exists() -> None:
    """Alerts and dashboard name only what the operator and the server export."""
    asked = {name for text in expressions() for name in WORDS.findall(text)}

    assert len(asked) > 30
    assert (
        sorted(asked - exported() - {"process_start_time_seconds", "process_resident_memory_bytes"})
        == []
    )


def test_the_dashboard_is_fresh() -> None:
    """It is what its tool makes; every panel has a place of its own and says what it shows."""
    text = (CHART / "dashboards" / "batchwright.json").read_text()
    panels = DASHBOARD["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert dashboard.render_dashboard() == text
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_artifact_hub_is_told_the_truth() -> None:
    """Images, definitions, examples and version are those of this tree."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    notes = {key.removeprefix("artifacthub.io/"): text for key, text in chart["annotations"].items()}
    images = [item["image"] for item in yaml.safe_load(notes["images"])]
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    definitions = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]

    assert version is not None
    assert chart["version"] == chart["appVersion"] == version[1]
    assert images == [f"{VALUES[key]['repository']}:{version[1]}" for key in ("image", "serverImage")]
    assert [(it["name"], it["kind"]) for it in yaml.safe_load(notes["crds"])] == [
        (it["metadata"]["name"], it["spec"]["names"]["kind"]) for it in definitions
    ]
    examples = yaml.safe_load(notes["crdsExamples"])
    assert parse_manifests(yaml.safe_dump_all(examples), file="crdsExamples")
    assert {it["kind"] for it in yaml.safe_load(notes["changes"])} <= {
        "added",
        "changed",
        "fixed",
        "removed",
    }


@needs_helm
def test_the_chart_lints() -> None:
    """Helm's strict linter has nothing to say."""
    said = helm.run("lint", "--strict", str(CHART))

    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said
    assert "[INFO]" not in said


@needs_helm
def test_the_package_holds_the_definitions_as_files(tmp_path: Path) -> None:
    """`crds` is a link in the tree, and in the package a folder of the very same files."""
    helm.run("package", str(CHART), "--destination", str(tmp_path))
    [package] = tmp_path.glob("batchwright-*.tgz")
    with tarfile.open(fileobj=io.BytesIO(package.read_bytes())) as archive:
        found = {member.name: member for member in archive.getmembers()}
        for path in (ROOT / "crds").glob("*.yaml"):
            member = found[f"batchwright/crds/{path.name}"]
            file = archive.extractfile(member)
            assert member.isreg()
            assert file is not None
            assert file.read() == path.read_bytes()

    wanted = {
        "README.md",
        "alerts.yaml",
        "dashboards/batchwright.json",
        "files/predict.py",
        "values.schema.json",
    }
    assert {f"batchwright/{name}" for name in wanted} <= found.keys()
