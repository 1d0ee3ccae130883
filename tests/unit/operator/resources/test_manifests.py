"""From YAML text to objects."""

import pytest
import yaml

from batchwright_operator.resources.manifests import InvalidManifests, check_names, parse_manifests
from tests.support.modelservers import make_server, server_document


def _faults(text: str) -> list[str]:
    with pytest.raises(InvalidManifests) as caught:
        parse_manifests(text, file="a.yaml")
    return [str(fault) for fault in caught.value.faults]


def test_several_documents() -> None:
    """Every document is read; an empty one is none."""
    text = yaml.safe_dump_all([server_document(name="one"), None, server_document(name="two")])
    assert [server.name for server in parse_manifests(text, file="a.yaml")] == ["one", "two"]


def test_faults_of_all_documents() -> None:
    """Each fault says file, document, path and reason."""
    bad = server_document()
    bad["spec"]["replica"] = 2
    text = yaml.safe_dump_all([bad, {"kind": "Deployment"}, [1]])
    assert _faults(text) == [
        "a.yaml: document 1: spec.replica: unknown key; did you mean replicas?",
        "a.yaml: document 2: apiVersion: required, but missing; expected batchwright.dev/v1alpha1",
        "a.yaml: document 2: kind: expected ModelServer or Pipeline (got 'Deployment')",
        "a.yaml: document 3: expected a mapping with apiVersion and kind, got a list",
    ]


def test_key_given_twice() -> None:
    """YAML itself would silently keep the last one."""
    faults = _faults("kind: ModelServer\nkind: ModelServer\n")
    assert "key given more than once: kind" in faults[0]


@pytest.mark.parametrize("text", ["", "---\n---\n", "# nothing\n"])
def test_nothing_in_it(text: str) -> None:
    """An empty file is a fault and not nothing to do."""
    assert _faults(text) == ["a.yaml: no object in it; expected a ModelServer"]


def test_not_yaml() -> None:
    """Broken YAML is told with its place."""
    assert "not valid YAML" in _faults("a: [1")[0]
    assert "line" in _faults("a: [1")[0]


@pytest.mark.parametrize("value", ["2024-02-30", "2024-02-03"])
def test_dates_are_texts(value: str) -> None:
    """A date in an annotation needs no quotes, as on Kubernetes it would be a text too."""
    text = yaml.safe_dump(server_document()) + f"---\n{yaml.safe_dump(server_document(name='two'))}"
    text = text.replace("  name: two", f"  name: two\n  annotations: {{released: {value}}}")
    assert parse_manifests(text, file="a.yaml")[1].metadata.annotations == {"released": value}


def test_what_kubectl_prints() -> None:
    """What `kubectl get -o yaml` adds is no fault: an object can be taken from a cluster as it is."""
    text = """
      apiVersion: batchwright.dev/v1alpha1
      kind: ModelServer
      metadata:
        name: vision
        creationTimestamp: 2026-01-02T03:04:05Z
        deletionGracePeriodSeconds: 0
        deletionTimestamp: 2026-01-02T03:04:06Z
        finalizers: [a/b]
        generateName: vis
        generation: 3
        managedFields: [{manager: kubectl, time: 2026-01-02T03:04:05Z}]
        ownerReferences: [{kind: A, name: b, uid: c}]
        resourceVersion: "17"
        selfLink: /apis
        uid: 0f0e
      spec: {models: [{name: m, source: {pvc: {claimName: models}}}]}
      status: {replicas: 1}
    """
    assert parse_manifests(text, file="a.yaml")[0].metadata.generation == 3


def test_no_process_takes_a_nul() -> None:
    """A variable's value that no process can be given is refused where it stands."""
    document = server_document(pod={"env": [{"name": "A", "value": "a\0b"}]})
    assert "spec.pod.env[0].value" in _faults(yaml.safe_dump(document))[0]


def test_same_name_in_two_files() -> None:
    """Objects of one name cannot live side by side."""
    faults = check_names((("a.yaml", make_server()), ("b.yaml", make_server())))
    assert [str(fault) for fault in faults] == [
        "b.yaml: metadata.name: 'vision' is the name of an object in a.yaml too"
    ]
