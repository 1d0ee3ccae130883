"""The rules of OpenVINO Model Server's pipelines, each with the sentence that tells it is broken."""

from typing import Any

import numpy as np
import pytest

from batchwright_server.core.dag import blueprint, graph
from batchwright_server.core.dag.interfaces import Interface, Interfaces, Missing, TensorType
from tests.support.graphs import node, pipeline, source

FLOAT, INT, TEXT = np.dtype("<f4"), np.dtype("<i4"), np.dtype("U4")


def model(
    taken: tuple[int, ...] = (1, 2),
    given: tuple[int, ...] = (1, 2),
    *,
    dtype: np.dtype[Any] = FLOAT,
    inputs: tuple[str, ...] = ("i",),
) -> Interface:
    """A model with inputs of one type and the output `y`."""
    return Interface(
        {name: TensorType(dtype, taken) for name in inputs}, {"y": TensorType(dtype, given)}
    )


A = node("a", {"i": ("request", "x")})
B = node("b", {"i": ("a", "y")})
FROM_A = [source("out", "a", "y")]
FROM_B = [source("out", "b", "y")]
SPLITS = model((1, 2), (3, 1, 2))  # gives three shards of what it takes


def faults(config: Any, interfaces: Interfaces) -> list[str]:
    with pytest.raises(blueprint.InvalidGraph) as caught:
        blueprint.draw(graph.from_config(config), interfaces)
    return [str(fault) for fault in caught.value.faults]


CASES: dict[str, tuple[Any, Interfaces, str]] = {
    "node name twice": (
        pipeline([A, A], FROM_A),
        {"a": model()},
        "pipeline 'p', node 'a': another node has this name",
    ),
    "reserved name": (
        pipeline([node("request", {"i": ("request", "x")})], FROM_A),
        {"request": model()},
        "pipeline 'p', node 'request': the name 'request' is taken",
    ),
    "input twice": (
        pipeline([A], FROM_A, inputs=["x", "x"]),
        {"a": model()},
        "node 'request', item 'x': this input is declared more than once",
    ),
    "output twice": (
        pipeline([A], [*FROM_A, *FROM_A]),
        {"a": model()},
        "node 'response', item 'out': this output is declared more than once",
    ),
    "alias twice": (
        pipeline([A | {"outputs": [{"data_item": "y", "alias": "y"}] * 2}], FROM_A),
        {"a": model()},
        "node 'a', item 'y': two outputs of the node have this alias",
    ),
    "no outputs": (pipeline([A], []), {"a": model()}, "pipeline 'p': the pipeline has no outputs"),
    "missing model": (
        pipeline([A], FROM_A),
        {"a": Missing("model 'm' does not exist; there are []")},
        "pipeline 'p', node 'a': model 'm' does not exist",
    ),
    "custom node": (
        pipeline([A | {"type": "custom", "model_name": None, "library_name": "east"}], FROM_A),
        {"a": Missing("")},
        "node 'a': a custom node (library 'east') is native code",
    ),
    "missing node": (
        pipeline([node("a", {"i": ("lost", "y")})], FROM_A),
        {"a": model()},
        "node 'a', item 'i': takes its value from node 'lost', which does not exist",
    ),
    "missing data item": (
        pipeline([A], [source("out", "a", "z")]),
        {"a": model()},
        "node 'response', item 'out': takes its value from 'z' of node 'a', which has ['y']",
    ),
    "missing model output": (
        pipeline([A | {"outputs": [{"data_item": "z", "alias": "y"}]}], FROM_A),
        {"a": model()},
        "node 'a', item 'z': model 'model-a' has no such output; it has ['y']",
    ),
    "missing model input": (
        pipeline([node("a", {"i": ("request", "x"), "j": ("request", "x")})], FROM_A),
        {"a": model()},
        "node 'a', item 'j': model 'model-a' has no such input; it has ['i']",
    ),
    "input not connected": (
        pipeline([A], FROM_A),
        {"a": model(inputs=("i", "j"))},
        "node 'a', item 'j': this input of model 'model-a' is not connected",
    ),
    "input connected twice": (
        pipeline([A | {"inputs": A["inputs"] * 2}], FROM_A),
        {"a": model()},
        "node 'a', item 'i': this input is connected more than once",
    ),
    "wrong precision": (
        pipeline([A, B], FROM_B),
        {"a": model(), "b": model(dtype=INT)},
        "node 'b', item 'i': wrong precision: model 'model-b' takes int32 (1,2), but 'y' of node 'a'",
    ),
    "wrong shape": (
        pipeline([A, B], FROM_B),
        {"a": model(), "b": model((1, 5))},
        "node 'b', item 'i': wrong shape: model 'model-b' takes float32 (1,5), but 'y' of node 'a' "
        "gives float32 (1,2)",
    ),
    "wrong shape of shards": (
        pipeline([A | {"demultiply_count": 3}, B], FROM_B),
        {"a": SPLITS, "b": model((3, 1, 2))},
        "takes float32 (3,1,2), but 'y' of node 'a' gives float32 (1,2)",
    ),
    "too few dimensions to demultiply": (
        pipeline([A | {"demultiply_count": 1}, B], FROM_B),
        {"a": model(), "b": model((2,), (2,))},
        "node 'a', item 'y': float32 (1,2) cannot be demultiplied: at least 3 dimensions are needed",
    ),
    "too few dimensions of the request": (
        pipeline([A], FROM_A, demultiply_count=-1),
        {"a": model((4,), (4,))},
        "node 'request', item 'x': float32 (-1,4) cannot be demultiplied",
    ),
    "count and shape disagree": (
        pipeline([A | {"demultiply_count": 4}, B], FROM_B),
        {"a": SPLITS, "b": model()},
        "node 'a', item 'y': float32 (3,1,2) has 3 shards, but demultiply_count is 4",
    ),
    "texts demultiplied": (
        pipeline([A], FROM_A, demultiply_count=2),
        {"a": model(dtype=TEXT)},
        "node 'request', item 'x': str128 tensors cannot be demultiplied",
    ),
    "gathers from nothing": (
        pipeline([A | {"gather_from_node": "lost"}], FROM_A),
        {"a": model()},
        "node 'a': gathers from node 'lost', which does not exist",
    ),
    "gathers from no demultiplexer": (
        pipeline([A, B | {"gather_from_node": "a"}], FROM_B),
        {"a": model(), "b": model()},
        "node 'b': gathers from node 'a', which has no demultiply_count",
    ),
    "gathers from the request, which is not split": (
        pipeline([A | {"gather_from_node": "request"}], FROM_A),
        {"a": model()},
        "node 'a': gathers from node 'request', which has no demultiply_count",
    ),
    "gathers the outer before the inner": (
        pipeline(
            [A | {"demultiply_count": 3}, B | {"gather_from_node": "request"}],
            FROM_B,
            demultiply_count=2,
        ),
        {"a": SPLITS, "b": model((2, 1, 2))},
        "node 'b': cannot gather from node 'request': 'a' was demultiplied later; gather from that one",
    ),
    "gathers what does not come": (
        pipeline(
            [A | {"demultiply_count": 3}, node("b", {"i": ("request", "x")}, gather_from_node="a")],
            [*FROM_B, source("other", "a", "y")],
        ),
        {"a": SPLITS, "b": model()},
        "node 'b': cannot gather from node 'a': its inputs come whole, not in shards",
    ),
    "inputs of different levels": (
        pipeline(
            [A | {"demultiply_count": 3}, node("b", {"i": ("a", "y"), "j": ("request", "x")})], FROM_B
        ),
        {"a": SPLITS, "b": model(inputs=("i", "j"))},
        "node 'b', item 'j': comes whole, not in shards, but the node's other inputs in shards of ['a']",
    ),
    "outputs of different levels": (
        pipeline([A, B | {"demultiply_count": 3}], [*FROM_A, source("other", "b", "y")]),
        {"a": model(), "b": SPLITS},
        "node 'response', item 'other': comes in shards of ['b']",
    ),
    "two demultiplexers, one of any count": (
        pipeline([A | {"demultiply_count": 3}], FROM_A, demultiply_count=-1),
        {"a": SPLITS},
        "node 'request': there are 2 demultiplexers (['a', 'request']), and ['request'] take any number",
    ),
    "cycle": (
        pipeline([node("a", {"i": ("b", "y")}), B], FROM_B),
        {"a": model(), "b": model()},
        "node 'a': the nodes ['a', 'b'] wait for each other's outputs: a cycle",
    ),
    "node that nothing uses": (
        pipeline([A, B], FROM_A),
        {"a": model(), "b": model()},
        "node 'b': no output of the pipeline depends on this node",
    ),
    "node without inputs": (
        pipeline([node("a", {})], FROM_A, inputs=[]),
        {"a": Interface({}, {"y": TensorType(FLOAT, (1, 2))})},
        "node 'a': the node has no inputs",
    ),
    "input that nothing takes": (
        pipeline([A], FROM_A, inputs=["x", "spare"]),
        {"a": model()},
        "node 'request', item 'spare': no node takes this input",
    ),
    "input that nodes disagree on": (
        pipeline([A, node("b", {"i": ("request", "x")})], [*FROM_A, source("other", "b", "y")]),
        {"a": model(), "b": model((1, 5))},
        "node 'request', item 'x': goes to nodes that disagree: float32 (1,5) for node 'b', "
        "float32 (1,2) for another",
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_broken_rule_is_told_with_its_place(name: str) -> None:
    """Each rule has a message of its own that names pipeline, node and item, and what to do."""
    config, interfaces, told = CASES[name]

    assert any(told in fault for fault in faults(config, interfaces)), faults(config, interfaces)


def test_all_faults_are_told_at_once() -> None:
    """Whoever corrects a pipeline sees everything to correct, not one thing after the other."""
    config = pipeline(
        [node("a", {"i": ("lost", "y")}), node("b", {"wrong": ("a", "z")}, gather_from_node="no")],
        FROM_B,
    )

    assert len(faults(config, {"a": Missing("gone"), "b": model()})) == 6


def test_the_same_input_may_go_to_models_of_one_and_of_any_batch() -> None:
    """What all its readers can take is what clients are shown."""
    config = pipeline([A, node("b", {"i": ("request", "x")})], [*FROM_A, source("other", "b", "y")])
    drawn = blueprint.draw(graph.from_config(config), {"a": model((-1, 2)), "b": model()})

    assert drawn.inputs["x"].shape == (1, 2)


def test_gathering_from_the_request_by_hand_is_taken() -> None:
    """A node may gather what the entry split, as in OVMS's later releases; the answer is then whole."""
    config = pipeline([A, B | {"gather_from_node": "request"}], FROM_B, demultiply_count=-1)
    drawn = blueprint.draw(graph.from_config(config), {"a": model(), "b": model((-1, 1, 2), (1, 7))})

    assert drawn.inputs["x"].shape == (-1, 1, 2)
    assert drawn.outputs["out"].shape == (1, 7)


def test_nested_fixed_demultiplexers_put_their_counts_in_front() -> None:
    """The outermost first, for what the response gathers."""
    config = pipeline([A | {"demultiply_count": 3}, B], FROM_B, demultiply_count=2)
    drawn = blueprint.draw(graph.from_config(config), {"a": SPLITS, "b": model()})

    assert drawn.inputs["x"].shape == (2, 1, 2)
    assert drawn.outputs["out"].shape == (2, 3, 1, 2)
