"""What is read of objects as an API server has them."""

from typing import Any

import pytest

from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.objects import InvalidObject, read_object
from batchwright_operator.resources.pipeline import Pipeline
from tests.support.modelservers import model_document, server_document


def _stored(**spec: Any) -> dict[str, Any]:
    document = server_document(**spec)
    document["metadata"] |= {
        "namespace": "team",
        "uid": "u-1",
        "generation": 3,
        "resourceVersion": "17",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"Example.com/note": "x"},
        "somethingNew": 1,
    }
    return {**document, "status": {"replicas": 1}}


def test_a_stored_object_is_read() -> None:
    """A ModelServer with everything an API server adds to it."""
    server = read_object(_stored())
    assert isinstance(server, ModelServer)
    assert (str(server.key), server.metadata.uid, server.metadata.generation) == (
        "team/vision",
        "u-1",
        3,
    )
    assert server.metadata.resource_version == "17"


def test_unknown_keys_are_dropped() -> None:
    """An object of a newer release is read with what this one knows, at every depth."""
    model = {**model_document(), "batching": {"reload": {"tomorrow": 1}}, "later": {}}
    server = read_object(_stored(models=[model], future=True))
    assert isinstance(server, ModelServer)
    assert server.spec.models[0].name == "resnet"


def test_a_pipeline_is_read() -> None:
    """A Pipeline by its kind."""
    raw = {
        "apiVersion": "batchwright.dev/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p", "namespace": "team"},
        "spec": {
            "modelServerRef": {"name": "vision"},
            "inputs": ["a"],
            "nodes": [{"name": "n", "model": "m", "inputs": [], "outputs": [], "hint": 1}],
            "outputs": [{"name": "o", "from": {"node": "n", "item": "x"}}],
        },
    }
    read = read_object(raw)
    assert isinstance(read, Pipeline)
    assert str(read.server_key) == "team/vision"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "Deployment"}, "kind: expected ModelServer or Pipeline (got 'Deployment')"),
        ({"apiVersion": "batchwright.dev/v9"}, "apiVersion: expected batchwright.dev/v1alpha1"),
        ({"spec": {"models": [], "replicas": -1}}, "spec.replicas: expected at least 0 (got -1); spec."),
    ],
)
def test_what_cannot_be_done_is_told(change: dict[str, Any], words: str) -> None:
    """A value this release does not understand is a problem at its path; all of them are told."""
    with pytest.raises(InvalidObject) as caught:
        read_object({**_stored(), **change})
    assert words in str(caught.value)
    assert caught.value.problems
