"""For each rule of the custom resources: an object that breaks it, and its like that keeps it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.modelservers import model_document, server_document
from tests.support.pipelines import pipeline_document

Document = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`bad` breaks one rule and `good` none; a cluster's refusal has `told` in it."""

    name: str
    bad: Document
    good: Document
    told: str


def _batching(name: str, bad: Document, good: Document, told: str) -> Case:
    bad, good = (server_document(model_document(batching=item)) for item in (bad, good))
    return Case(name, bad, good, told)


def _source(name: str, bad: Document, good: Document, told: str) -> Case:
    bad, good = (server_document({"name": "resnet", "source": item}) for item in (bad, good))
    return Case(name, bad, good, told)


def _versions(name: str, bad: Document, good: Document, told: str) -> Case:
    bad, good = (server_document(model_document(versionPolicy=item)) for item in (bad, good))
    return Case(name, bad, good, told)


def _spec(name: str, bad: Document, good: Document, told: str) -> Case:
    return Case(name, server_document(**bad), server_document(**good), told)


def _env(name: str, bad: Document, good: Document, told: str) -> Case:
    return _spec(name, {"pod": {"env": [bad]}}, {"pod": {"env": [good]}}, told)


def _pipeline(name: str, bad: Document, good: Document, told: str) -> Case:
    return Case(name, pipeline_document(**bad), pipeline_document(**good), told)


def _node(name: str, bad: Document, good: Document, told: str) -> Case:
    node = pipeline_document()["spec"]["nodes"][0]
    ends = [{"name": "y", "from": {"node": "request", "item": "x"}}]  # whatever the node is called
    bad, good = ({"nodes": [node | item], "outputs": ends} for item in (bad, good))
    return _pipeline(name, bad, good, told)


def rule_cases() -> Iterator[Case]:
    """A case for each rule that is written in CEL."""
    yield from _batching_rules()
    yield from _model_rules()
    yield from _uri_rules()
    yield from _spec_rules()
    yield from _pipeline_rules()
    told = "expected a name of at most 48 lower-case letters"
    bad, good = server_document(name="9lives"), server_document(name="lives9")
    yield Case("name-begins-with-a-letter", bad, good, told)
    yield Case("name-is-short", server_document(name="x" * 49), server_document(name="x" * 48), told)


def _batching_rules() -> Iterator[Case]:
    yield _batching(
        "objective-available", {"adaptive": {"objective": "Latency"}},
        {"adaptive": {"objective": "Throughput"}}, "Latency is not available in this release",
    )  # fmt: skip
    yield _batching(
        "bucket-sizes-once", {"buckets": {"sizes": [4, 4]}}, {"buckets": {"sizes": [16, 1, 4]}},
        "each size once",
    )  # fmt: skip
    yield _batching(
        "candidates-legal", {"adaptive": {"candidates": ["Fixed"]}},
        {"adaptive": {"candidates": ["Buckets", "Reload"]}},
        "expected candidates of Reload, Demultiplex, Dynamic, Buckets",
    )  # fmt: skip
    yield _batching(
        "candidates-once", {"adaptive": {"candidates": ["Reload", "Reload"]}},
        {"adaptive": {"candidates": ["Reload"]}}, "each candidate once",
    )  # fmt: skip
    yield _batching(
        "dynamic-order", {"dynamic": {"min": 3, "max": 2}}, {"dynamic": {"min": 2, "max": 2}},
        "expected max of at least min",
    )  # fmt: skip
    yield _batching(
        "fixed-within-largest", {"strategy": "Fixed", "maxBatchSize": 4, "fixed": {"batchSize": 8}},
        {"strategy": "Fixed", "maxBatchSize": 8, "fixed": {"batchSize": 8}},
        "expected fixed.batchSize of at most maxBatchSize",
    )  # fmt: skip


def _model_rules() -> Iterator[Case]:
    claim = {"claimName": "models", "path": "resnet"}
    one = "expected exactly one source of pvc, image, configMap and uri"
    inside = "expected a path inside the volume: relative, without '..'"
    yield _source("some-source", {}, {"pvc": claim}, one)
    image = {
        "reference": "registry.example.com/resnet:3",
        "pullPolicy": "IfNotPresent",
        "path": "models",
    }
    yield _source("one-source", {"pvc": claim, "image": image}, {"image": image}, one)
    for path in ("/etc", "a/../../b", ".."):
        bad = {"pvc": {**claim, "path": path}}
        yield _source(f"claim-path-{path}", bad, {"pvc": {**claim, "path": "a..b/..c"}}, inside)
    files = [{"key": "xml", "path": "1/model.xml"}, {"key": "bin", "path": "1/model.bin"}]
    outside = [{"key": "xml", "path": "../model.xml"}, files[1]]
    good = {"configMap": {"name": "tiny", "items": files}}
    yield _source("file-path", {"configMap": {"name": "tiny", "items": outside}}, good, inside)
    yield _source("image-path", {"image": {**image, "path": "/m"}}, {"image": image}, inside)
    one = "expected exactly one of latest, specific and all"
    yield _versions("some-versions", {}, {"all": {}}, one)
    both = {"latest": {"count": 2}, "specific": {"versions": [1]}}
    yield _versions("one-of-versions", both, {"specific": {"versions": [1, 3]}}, one)


def _spec_rules() -> Iterator[Case]:
    yield _spec(
        "ports", {"service": {"grpcPort": 8000}}, {"service": {"grpcPort": 8001}},
        "grpcPort and httpPort must differ",
    )  # fmt: skip
    yield _spec(
        "requests-within-limits",
        {"pod": {"resources": {"requests": {"cpu": "1500m"}, "limits": {"cpu": 1}}}},
        {"pod": {"resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "1000m"}}}},
        "expected requests of at most the limits",
    )  # fmt: skip
    yield _spec(
        "replicas-order", {"autoscaling": {"minReplicas": 3, "maxReplicas": 2}},
        {"autoscaling": {"maxReplicas": 2, "metrics": [{"type": "Pods", "pods": {"anything": 0.5}}]}},
        "expected minReplicas of at most maxReplicas",
    )  # fmt: skip
    for label in ("app.kubernetes.io/instance", "pod-template-hash", "batchwright.dev/any"):
        yield _spec(
            f"label-{label}", {"pod": {"labels": {label: "x"}}},
            {"pod": {"labels": {"azure.workload.identity/use": "true"}}},
            "expected none of the labels that are set by Batchwright itself",
        )  # fmt: skip
    yield _spec(
        "own-annotation", {"pod": {"annotations": {"batchwright.dev/config-hash": "x"}}},
        {"pod": {"annotations": {"example.com/batchwright.dev": "x"}}},
        "expected none of the annotations that are set by Batchwright itself",
    )  # fmt: skip
    peer = "expected either ipBlock, or namespaceSelector, podSelector or both"
    block = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}
    both = {**block, "podSelector": {}}
    yield _spec(
        "some-peer", {"networkPolicy": {"from": [{}]}}, {"networkPolicy": {"from": [block]}}, peer
    )
    selected = {"podSelector": {"matchLabels": {"app": "client"}}, "namespaceSelector": {}}
    good = {"networkPolicy": {"from": [selected]}}
    yield _spec("one-peer", {"networkPolicy": {"from": [both]}}, good, peer)
    field = {"fieldRef": {"fieldPath": "metadata.name"}}
    secret = {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}
    yield _env(
        "reserved-variable", {"name": "POD_IP"}, {"name": "POD_IPS", "value": "1"},
        "POD_NAME and POD_IP are set by Batchwright itself; use another name",
    )  # fmt: skip
    yield _env(
        "one-value", {"name": "A", "value": "1", "valueFrom": field}, {"name": "A", "valueFrom": field},
        "expected either value or valueFrom, not both",
    )  # fmt: skip
    yield _env(
        "one-origin", {"name": "A", "valueFrom": field | secret}, {"name": "A", "valueFrom": secret},
        "expected exactly one of secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef",
    )  # fmt: skip


def _pipeline_rules() -> Iterator[Case]:
    zero = "expected a count, or -1 for any; 0 is the old way to say any"
    yield _pipeline("entry-count", {"demultiplyCount": 0}, {"demultiplyCount": -1}, zero)
    yield _node("node-count", {"demultiplyCount": 0}, {"demultiplyCount": 4}, zero)
    told = "'request' is the pipeline's own input; choose another name"
    yield _node("node-name", {"name": "request"}, {"name": "requests"}, told)


def _uri_rules() -> Iterator[Case]:
    good = {"uri": "s3://models/resnet"}
    yield _source("uri-known", {"uri": "ftp://models/resnet"}, good, "expected s3://bucket/path")
    outside = {"uri": "gs://models/../resnet"}
    yield _source("uri-inside", outside, {"uri": "gs://models/..a/b.."}, "expected a path without '..'")
    archive = {"uri": "https://example.com/resnet.tar.gz?signed=yes"}
    folder = {"uri": "https://example.com/resnet/?f=a.zip"}
    yield _source("uri-names-a-file", folder, archive, "expected https:// to name one file")
    secret = {"credentialsSecretName": "reader"}
    both = {**good, "access": {**secret, "anonymous": True}}
    one = {**good, "access": {**secret, "anonymous": False}}
    yield _source("access-by-one-way", both, one, "expected either credentialsSecretName or anonymous")
    claim = {"pvc": {"claimName": "models"}}
    told = "access says how a uri is reached"
    yield _source("access-of-a-uri", {**claim, "access": secret}, claim, told)
    told = "expected access.region with s3:// only"
    here = {"endpoint": "http://minio.team.svc:9000"}
    for uri, bad in (("gs://m/r", {**here, "region": "eu"}), ("https://m/r.onnx", here)):
        yield _source(
            f"access-to-{uri[:2]}", {"uri": uri, "access": bad},
            {**good, "access": {**here, "region": "eu-west-1"}}, told,
        )  # fmt: skip
    yield _source(
        "endpoint-is-a-url", {**good, "access": {"endpoint": "minio:9000"}},
        {"uri": "gs://m/r", "access": here}, "expected http://host:port",
    )  # fmt: skip
    yield _spec(
        "cache-has-room", {"modelCache": {"sizeLimit": "500m"}}, {"modelCache": {"sizeLimit": "1Mi"}},
        "expected at least 1Mi",
    )  # fmt: skip


def shape_cases() -> Iterator[Case]:
    """A case for each kind of refusal that needs no CEL."""
    once = "Duplicate value"
    twice = [model_document(), model_document()]
    other = [model_document(), model_document("other")]
    yield Case("models-once", server_document(*twice), server_document(*other), once)
    yield _spec("some-model", {"models": []}, {}, "should have at least 1 items")
    yield _spec(
        "variables-once", {"pod": {"env": [{"name": "A"}, {"name": "A"}]}},
        {"pod": {"env": [{"name": "A"}, {"name": "B"}]}}, once,
    )  # fmt: skip
    yield _spec("replicas-bounded", {"replicas": -1}, {"replicas": 0}, "greater than or equal to 0")
    yield _spec("replicas-whole", {"replicas": "2"}, {"replicas": 2}, "must be of type integer")
    yield _batching(
        "strategy-known", {"strategy": "reload"}, {"strategy": "Reload"},
        'supported values: "Adaptive", "Reload"',
    )  # fmt: skip
    yield _spec(
        "quantity", {"pod": {"resources": {"limits": {"cpu": "1 core"}}}},
        {"pod": {"resources": {"limits": {"cpu": "1", "memory": "1.5Gi"}}}}, "pod.resources.limits.cpu",
    )  # fmt: skip
    model = model_document(pluginConfig={"NUM_STREAMS": 2, "PERF_COUNT": "YES"})
    bad = model_document(pluginConfig={"PERF_COUNT": True})
    told = "spec.models[0].pluginConfig.PERF_COUNT"
    yield Case("plugin-value", server_document(bad), server_document(model), told)
    node = pipeline_document()["spec"]["nodes"][0]
    yield _pipeline("nodes-once", {"nodes": [node, node]}, {}, once)
    yield _pipeline("inputs-once", {"inputs": ["x", "x"]}, {"inputs": ["x", "mask"]}, once)
    yield _pipeline("some-node", {"nodes": []}, {}, "should have at least 1 items")
    yield _spec("tls-names-a-secret", {"tls": {}}, {"tls": {"secretName": "certificate"}}, "secretName")
    yield _spec(
        "update", {"update": {"policy": "Never"}}, {"update": {"policy": "WithOperator"}}, "policy"
    )
    yield _spec(
        "labels", {"monitoring": {"labels": {"a": "b c"}}},
        {"monitoring": {"serviceMonitor": True, "labels": {"a": "b-c"}}}, "spec.monitoring.labels.a",
    )  # fmt: skip
