"""Pipelines as users write them, and how they find their ModelServer."""

from typing import Any

import pytest
import yaml

from batchwright_operator.resources.attachment import attach, describe_orphan
from batchwright_operator.resources.manifests import InvalidManifests, parse_manifests
from batchwright_operator.resources.pipeline import Pipeline
from tests.support.modelservers import make_server
from tests.support.pipelines import make_pipeline, pipeline_document

NODE = pipeline_document()["spec"]["nodes"][0]


def faults_of(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidManifests) as caught:
        parse_manifests(yaml.safe_dump(raw), file="a.yaml")
    return [f"{fault.problem.path}: {fault.problem.message}" for fault in caught.value.faults]


def test_what_the_reference_shows_is_read() -> None:
    """Every field arrives, and clients ask for the object's name unless another is given."""
    [plain] = parse_manifests(yaml.safe_dump(pipeline_document()), file="a.yaml")
    named = make_pipeline("resnet50dag", name="resnet50DAG")

    assert isinstance(plain, Pipeline)
    assert (plain.served_name, named.served_name) == ("twice", "resnet50DAG")
    assert plain.spec.demultiply_count == -1
    assert plain.spec.outputs[0].from_.node == "only"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"demultiplyCount": 0}, "spec.demultiplyCount: expected a count, or -1 for any"),
        ({"demultiplyCount": -2}, "spec.demultiplyCount: expected at least -1"),
        ({"demultiplyCount": 10_001}, "spec.demultiplyCount: expected at most 10000"),
        ({"demultiplyCount": "3"}, "spec.demultiplyCount: expected an integer"),
        ({"nodes": []}, "spec: nodes: expected at least one"),
        ({"outputs": []}, "spec: outputs: expected at least one"),
        ({"inputs": ["x", "x"]}, "spec: inputs: each name once"),
        ({"nodes": [NODE, NODE]}, "spec: nodes: each name once"),
        ({"nodes": [{**NODE, "name": "request"}]}, "spec.nodes[0].name: 'request' is"),
        ({"nodes": [{**NODE, "outputs": NODE["outputs"] * 2}]}, "spec.nodes[0]: outputs: each name"),
        ({"nodes": [{**NODE, "inputs": NODE["inputs"] * 2}]}, "spec.nodes[0]: inputs: each name"),
        ({"nodes": [{**NODE, "gatherFromNode": "a"}]}, "spec.nodes[0].gatherFromNode: unknown key"),
        ({"modelServer": "vision"}, "spec.modelServer: unknown key"),
        ({"outputs": [{"name": "y", "from": {"node": "only"}}]}, "spec.outputs[0].from.item: required"),
    ],
)
def test_a_fault_is_told_at_its_path(spec: dict[str, Any], said: str) -> None:
    """Each rule that can be seen in the object alone, with where it is broken."""
    [fault] = faults_of(pipeline_document(**spec))

    assert fault.startswith(said)


def test_an_unknown_kind_names_both() -> None:
    """The kinds there are, are told."""
    [fault] = faults_of({**pipeline_document(), "kind": "Graph"})

    assert fault.startswith("kind: expected ModelServer or Pipeline")


def test_attached_in_any_order_and_sorted() -> None:
    """A Pipeline finds its ModelServer wherever it is written; the order of files means nothing."""
    objects = (make_pipeline("b"), make_server(), make_pipeline("a"), make_pipeline("lost", server="x"))

    there, back = attach(objects), attach(reversed(objects))

    assert [item.name for item in there.servers[0].pipelines] == ["a", "b"]
    assert [item.name for item in there.orphans] == ["lost"]
    assert there == back
    assert "there is no ModelServer default/x here" in describe_orphan(there.orphans[0])


def test_a_server_with_other_pipelines_is_another() -> None:
    """So that an edit of a Pipeline is seen as one, and no copy of the object loses them."""
    [server] = attach([make_server(), make_pipeline()]).servers

    assert server != make_server()
    assert server.with_pipelines(()) == make_server()
    assert server.with_generation(2).with_ports(grpc_port=1, http_port=2).pipelines == server.pipelines
