"""Whether an object of a cluster still is what was rendered."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.reconcile.drift import find_difference, has_drifted
from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from tests.support.modelservers import make_server

DEPLOYMENT = render_bundle(
    make_server(
        pod={"resources": {"limits": {"cpu": "1000m"}}, "env": [{"name": "A", "value": "1000m"}]}
    ),
    Settings(),
    {},
).deployment


def _found() -> dict[str, Any]:
    """The Deployment as a cluster has it: with defaults, a version and a status."""
    found = copy.deepcopy(DEPLOYMENT)
    found["metadata"] |= {"resourceVersion": "7", "uid": "u"}
    found["spec"]["revisionHistoryLimit"] = 10
    container = found["spec"]["template"]["spec"]["containers"][0]
    container["resources"]["limits"]["cpu"] = "1"
    container["terminationMessagePath"] = "/dev/termination-log"
    container["env"].reverse()
    return found | {"status": {"replicas": 1}}


def _container(found: dict[str, Any]) -> dict[str, Any]:
    return dict(found["spec"]["template"]["spec"]["containers"][0])


def test_what_the_cluster_adds_is_no_drift() -> None:
    """Defaults, amounts written otherwise, another order of named items."""
    assert find_difference(DEPLOYMENT, _found()) is None
    assert not has_drifted(DEPLOYMENT, Observed(objects=(_found(),)))


def test_a_missing_object_has_drifted() -> None:
    """It is to be made."""
    assert has_drifted(DEPLOYMENT, Observed())


def test_edits_are_found() -> None:
    """By the path of the leaf."""
    scaled, named = _found(), _found()
    scaled["spec"]["replicas"] = 5
    named["spec"]["template"]["spec"]["containers"][0]["name"] = "other"
    assert find_difference(DEPLOYMENT, scaled) == "spec.replicas"
    assert find_difference(DEPLOYMENT, named) == "spec.template.spec.containers.server"


@pytest.mark.parametrize(
    ("kind", "path", "more"),
    [
        ("Service", ("spec", "selector"), {"app": "another"}),
        ("PodDisruptionBudget", ("spec", "selector"), {"matchExpressions": []}),
        ("NetworkPolicy", ("spec", "podSelector", "matchLabels"), {"app": "another"}),
        ("NetworkPolicy", ("spec", "ingress"), {}),
        ("NetworkPolicy", ("spec", "ingress", "1", "from"), {}),
    ],
)
def test_more_is_drift_where_it_means_something_else(
    kind: str, path: tuple[str, ...], more: dict[str, Any]
) -> None:
    """A selector with another label finds no pod; a rule more lets somebody in."""
    bundle = render_bundle(make_server(networkPolicy={}), Settings(), {})
    wanted = bundle.find(kind, "vision")
    assert wanted is not None
    found = copy.deepcopy(wanted)
    part: Any = found
    for key in path:
        part = part[int(key)] if isinstance(part, list) else part[key]
    if isinstance(part, list):
        part.append(more)
    else:
        part |= more
    assert find_difference(wanted, wanted) is None
    assert (find_difference(wanted, found) or "").startswith("spec.")


def test_only_amounts_are_compared_as_amounts() -> None:
    """A variable of the value 1000m is not one of the value 1."""
    found = _found()
    for item in _container(found)["env"]:
        if item["name"] == "A":
            item["value"] = "1"
    assert find_difference(DEPLOYMENT, found) is not None


def test_what_the_cluster_says_otherwise_is_left_alone() -> None:
    """Once writing it has changed nothing; but not where something else was rendered since."""
    found = _found()
    found["spec"]["replicas"] = 5
    settled = Observed(objects=(found,), settled=frozenset({("Deployment", "vision")}))
    assert not has_drifted(DEPLOYMENT, settled)
    found["metadata"]["annotations"]["batchwright.dev/rendered-hash"] = "older"
    assert has_drifted(DEPLOYMENT, settled)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
MANIFESTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(wanted=MANIFESTS, extra=st.dictionaries(st.text(max_size=5), MANIFESTS, max_size=3))
def test_a_manifest_is_as_itself(wanted: object, extra: dict[str, object]) -> None:
    """Whatever it is, and whatever else is beside it."""
    manifest = {"metadata": {}, "spec": wanted}
    found = {**extra, **manifest}
    assert find_difference(manifest, found) is None


@pytest.mark.parametrize("path", [("kind",), ("metadata", "labels"), ("spec", "selector")])
def test_what_was_removed_is_found(path: tuple[str, ...]) -> None:
    """A removed key is drift like a changed one."""
    found = _found()
    parent = found
    for key in path[:-1]:
        parent = parent[key]
    del parent[path[-1]]
    difference = find_difference(DEPLOYMENT, found)
    assert difference is not None
    assert difference.startswith(".".join(path))
