"""What a ModelServer accepts, fills in and refuses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.wording import to_problems
from batchwright_server.config.plan import Strategy
from tests.support.modelservers import make_server, model_document, server_document


def _refusal(document: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        ModelServer.model_validate(document, by_alias=True, by_name=False)
    return "\n".join(str(problem) for problem in to_problems(caught.value, ModelServer))


def test_defaults() -> None:
    """A model with nothing but a name and a source is adaptive among all that can be switched to."""
    server = make_server()
    batching = server.spec.models[0].batching
    assert batching.is_adaptive
    assert batching.strategies == (Strategy.RELOAD, Strategy.DEMULTIPLEX, Strategy.DYNAMIC)
    assert (server.spec.replicas, server.spec.service.grpc_port, server.spec.service.http_port) == (
        1,
        9000,
        8000,
    )


@pytest.mark.parametrize(
    ("batching", "path", "words"),
    [
        ({"strategy": "reload"}, "strategy", "(got 'reload'); did you mean Reload?"),
        ({"dynamic": {"min": 3, "max": 2}}, "dynamic", "expected max of at least min (3), got 2"),
        ({"buckets": {"sizes": [4, 1, 4]}}, "buckets.sizes", "each size once"),
        ({"buckets": {"sizes": []}}, "buckets.sizes", "at least one size"),
        ({"coalesce": {"maxDelayMicroseconds": 5}}, "coalesce.maxBatchSize", "required"),
        ({"maxBatchSize": 8.0}, "maxBatchSize", "integer"),
        ({"maxBatchSize": "8"}, "maxBatchSize", "integer"),
        ({"maxBatchSize": True}, "maxBatchSize", "integer"),
        ({"maxBatchSize": 0}, "maxBatchSize", "expected at least 1"),
        ({"max_batch_size": 8}, "max_batch_size", "unknown key; did you mean maxBatchSize?"),
        ({"adaptive": {"candidates": []}}, "adaptive.candidates", "at least one candidate"),
        (
            {"adaptive": {"candidates": ["Reload", "Reload"]}},
            "adaptive.candidates",
            "each candidate once",
        ),
        (
            {"adaptive": {"candidates": ["Fixed"]}},
            "adaptive.candidates",
            "Fixed is no candidate; choose from Reload",
        ),
        ({"adaptive": {"objective": "Latency"}}, "adaptive.objective", "not available in this release"),
        ({"adaptive": {"minSavingPercent": 101}}, "adaptive.minSavingPercent", "100"),
        ({"reload": {"onMiss": "split"}}, "reload.onMiss", "did you mean Split?"),
        (
            {"reload": {"queue": {"maxBytes": "1Ki"}}},
            "reload.queue",
            "maxBytes: expected at least 1Mi, got 1Ki",
        ),
        (
            {"reload": {"compiledCache": {"maxBytes": "1Ki"}}},
            "reload.compiledCache",
            "maxBytes: expected at least 1Mi, got 1Ki",
        ),
        (
            {"strategy": "Fixed", "maxBatchSize": 4, "fixed": {"batchSize": 8}},
            "",
            "fixed.batchSize: expected at most maxBatchSize (4), got 8",
        ),
        ({"fixed": {"batchSize": -1}}, "fixed.batchSize", "expected at least 1"),
    ],
)
def test_batching_refused(batching: dict[str, Any], path: str, words: str) -> None:
    """What cannot be done is refused at its own path, never passed over."""
    text = _refusal(server_document(model_document(batching=batching)))
    assert text.startswith(f"spec.models[0].batching.{path}".rstrip(".") + ": ")
    assert words in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({}, "exactly one source"),
        ({"image": {"reference": "x"}, "pvc": {"claimName": "a"}}, "expected exactly one source"),
        ({"uri": "ftp://bucket"}, "source.uri: expected s3://bucket/path"),
        ({"uri": "https://key:secret@host/m.onnx"}, "source.uri: expected s3://bucket/path"),
        ({"uri": "https://host/models/"}, "expected https:// to name one file"),
        ({"uri": "s3://bucket/a/../b"}, "expected a path without '..'"),
        ({"uri": "s3://bucket/a", "access": {"endpoint": "minio:9000"}}, "expected http://host:port"),
        ({"configMap": {"name": "x"}}, "source.configMap.items: required, but missing"),
        ({"configMap": {"name": "x", "items": []}}, "expected at least one item"),
        ({"image": {"reference": "x", "path": "../b"}}, "inside the volume"),
        ({"pvc": {"claimName": "a", "path": "../b"}}, "inside the volume"),
        ({"pvc": {"claimName": "a", "path": "/b"}}, "inside the volume"),
    ],
)
def test_source_refused(source: dict[str, Any], words: str) -> None:
    """A model comes from one place, and from nowhere outside it."""
    assert words in _refusal(server_document({"name": "m", "source": source}))


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        ({"env": [{"name": "A"}, {"name": "B"}, {"name": "A"}]}, "given more than once: A"),
        ({"env": [{"name": "POD_IP", "value": "1.2.3.4"}]}, "POD_IP is set by Batchwright itself"),
        (
            {"resources": {"requests": {"cpu": "1500m"}, "limits": {"cpu": 1}}},
            "cpu: expected a request of at most the limit, 1; got 1500m",
        ),
        ({"resources": {"limits": {"cpu": "1 core"}}}, "spec.pod.resources.limits.cpu"),
        ({"nodeSelector": {"arch": "a b"}}, "spec.pod.nodeSelector.arch: expected at most 63 letters"),
        ({"annotations": {"a b": "x"}}, "expected a key of at most 63 letters"),
        (
            {"annotations": {"batchwright.dev/template-hash": "x"}},
            "expected none of the annotations that are set by Batchwright itself (batchwright.dev/…)",
        ),
        ({"labels": {"azure.workload.identity/use": True}}, "spec.pod.labels.azure.workload.identity"),
        ({"labels": {"a b": "x"}}, "expected a key of at most 63 letters"),
        ({"labels": {"app.kubernetes.io/instance": "x"}}, "got app.kubernetes.io/instance"),
        ({"labels": {"pod-template-hash": "x"}}, "got pod-template-hash"),
        ({"labels": {"batchwright.dev/any": "x"}}, "got batchwright.dev/any"),
        ({"serviceAccountName": "Reader"}, "spec.pod.serviceAccountName"),
    ],
)
def test_pod_refused(pod: dict[str, Any], words: str) -> None:
    """What Kubernetes would refuse, or take in another sense, is refused here already."""
    assert words in _refusal(server_document(pod=pod))


@pytest.mark.parametrize("workers", [0, -1, 257, "2", True, 1.5])
def test_workers_refused(workers: object) -> None:
    """As many as the server takes, as a number."""
    assert "spec.workers" in _refusal(server_document(workers=workers))


@pytest.mark.parametrize(
    "labels",
    [{"team": "-x"}, {"team": "x" * 64}, {"/team": "x"}, {"a/b/c": "x"}, {"Team.X/a": "x"}, {"": "x"}],
)
def test_labels_refused(labels: dict[str, str]) -> None:
    """Labels keep to Kubernetes' grammar, keys as well as values."""
    document = server_document()
    document["metadata"]["labels"] = labels
    assert "metadata.labels" in _refusal(document)


def test_labels_taken() -> None:
    """A label may be empty, its key may have a domain."""
    document = server_document()
    document["metadata"]["labels"] = {"example.com/team": "", "a_b.c-D": "x" * 63}
    assert ModelServer.model_validate(document).metadata.labels == document["metadata"]["labels"]


@pytest.mark.parametrize("claim", ["a..b", "a.-b", "A", "a_b", "x" * 254, ""])
def test_claim_refused(claim: str) -> None:
    """A claim has a name that a claim can have."""
    source = {"pvc": {"claimName": claim}}
    assert "source.pvc.claimName" in _refusal(server_document({"name": "m", "source": source}))


@pytest.mark.parametrize("name", ["", "Vision", "9lives", "vision-", "a" * 49, "a.b"])
def test_name_refused(name: str) -> None:
    """A name must do for a Service."""
    assert "metadata.name" in _refusal(server_document(name=name))


def test_every_problem_is_listed() -> None:
    """Several faults are told together."""
    document = server_document(model_document(shape="1,3"), replicas=-1, tls={})
    text = _refusal(document)
    assert all(path in text for path in ("spec.replicas", "spec.models[0].shape", "spec.tls"))


def test_model_names_are_unique() -> None:
    """Two models of one name are refused by name."""
    assert "['a']" in _refusal(server_document(model_document("a"), model_document("a")))


def test_equal_ports_refused() -> None:
    """One port cannot be both."""
    text = _refusal(server_document(service={"grpcPort": 9000, "httpPort": 9000}))
    assert "must differ; both are 9000" in text


@given(st.integers(0, 1000), st.integers(1, 65534))
def test_written_and_read_again(replicas: int, port: int) -> None:
    """A ModelServer written out is the ModelServer read in."""
    server = make_server(replicas=replicas, service={"grpcPort": port, "httpPort": port + 1})
    assert ModelServer.model_validate(server.model_dump(by_alias=True, mode="json")) == server


def test_places_of_models() -> None:
    """Models may be on volumes, in images and in ConfigMaps; each volume is named once."""
    items = [{"key": "xml", "path": "1/model.xml"}]
    server = make_server(
        model_document("a"),
        {"name": "b", "source": {"image": {"reference": "registry.example.com/b:1", "path": "models/"}}},
        {"name": "c", "source": {"configMap": {"name": "tiny", "items": items}}},
        model_document("d"),
    )
    assert server.spec.claims == ("models",)
    assert [model.source.path for model in server.spec.models] == ["a", "models", "", "d"]


def test_blocks_of_kubernetes_come_back_as_written() -> None:
    """Peers of a NetworkPolicy are dumped in Kubernetes' own words, without what nobody wrote."""
    peers = [
        {"podSelector": {}, "namespaceSelector": {"matchLabels": {"team": "a"}}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    ]
    policy = make_server(networkPolicy={"from": peers}).spec.network_policy
    assert policy is not None
    assert policy.model_dump(mode="json", by_alias=True, exclude_unset=True) == {"from": peers}
