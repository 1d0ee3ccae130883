"""When an edit is wholly applied."""

import dataclasses
from typing import Any

import pytest

from batchwright_operator.reconcile import rollout
from batchwright_operator.reconcile.observed import Observed, Phase, Pod
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import Settings
from tests.support.modelservers import RELOAD, make_server

SERVER = make_server(replicas=2)
BUNDLE = render_bundle(SERVER, Settings(), {"resnet": RELOAD})
NEW = BUNDLE.template_hash
POD = Pod("a", "10.0.0.1", Phase.RUNNING, template=NEW, ready=True)
PODS = (POD, dataclasses.replace(POD, name="b"))
DONE = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


def _observed(status: dict[str, Any] | None = None, pods: tuple[Pod, ...] = PODS) -> Observed:
    """All as rendered; without a `status` of the Deployment as on a machine without Kubernetes."""
    found = []
    for manifest in BUNDLE.manifests:
        more: dict[str, Any] = {}
        if manifest["kind"] == "Deployment" and status is not None:
            more = {"status": status, "metadata": {**manifest["metadata"], "generation": 3}}
        found.append({**manifest, **more})
    return Observed(tuple(found), pods)


@pytest.mark.parametrize(
    ("status", "is_complete"),
    [
        (DONE, True),
        ({}, False),
        ({**DONE, "observedGeneration": 2}, False),
        ({**DONE, "updatedReplicas": 1}, False),
        ({**DONE, "replicas": 3}, False),
        ({**DONE, "availableReplicas": 1}, False),
    ],
)
def test_a_deployment_tells_of_its_rollout(status: dict[str, Any], *, is_complete: bool) -> None:
    """All pods new, available and no old one left, and the Deployment's newest generation seen."""
    assert rollout.is_complete(_observed(status)) is is_complete


@pytest.mark.parametrize(
    ("pods", "is_complete"),
    [
        (PODS, True),
        (PODS[:1], False),
        ((*PODS, dataclasses.replace(POD, name="c")), False),
        ((POD, dataclasses.replace(POD, name="b", template="old")), False),
        ((POD, dataclasses.replace(POD, name="b", ready=False)), False),
        ((*PODS, dataclasses.replace(POD, name="c", phase=Phase.TERMINATING)), True),
    ],
)
def test_pods_tell_where_a_deployment_does_not(pods: tuple[Pod, ...], *, is_complete: bool) -> None:
    """Without Kubernetes as many as wanted are ready, and all of the template that is written."""
    assert rollout.is_complete(_observed(pods=pods)) is is_complete


def test_without_pods_it_is_complete_at_once() -> None:
    """Nothing is waited for where nothing is to run."""
    bundle = render_bundle(make_server(replicas=0), Settings(), {"resnet": RELOAD})
    assert rollout.is_complete(Observed(bundle.manifests))
    assert not rollout.is_complete(Observed())


def test_whatever_is_left_to_do_counts() -> None:
    """One object that is missing or not wanted any more; the document only if no pod refuses it."""
    observed = _observed(DONE)
    assert rollout.is_whole(BUNDLE, observed, is_refused=False)
    for kind, is_refused in (("Service", False), ("ConfigMap", False), ("Deployment", True)):
        rest = tuple(item for item in observed.objects if item["kind"] != kind)
        left = dataclasses.replace(observed, objects=rest)
        assert not rollout.is_whole(BUNDLE, left, is_refused=is_refused), kind
    rest = tuple(item for item in observed.objects if item["kind"] != "ConfigMap")
    assert rollout.is_whole(BUNDLE, dataclasses.replace(observed, objects=rest), is_refused=True)
    kind, name = BUNDLE.unwanted[0]
    more = (*observed.objects, {"kind": kind, "metadata": {"name": name}})
    assert not rollout.is_whole(BUNDLE, dataclasses.replace(observed, objects=more), is_refused=False)
