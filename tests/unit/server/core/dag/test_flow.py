from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from batchwright_server import errors
from batchwright_server.core.dag import requests
from batchwright_server.core.dag.flow import Flow
from batchwright_server.core.tensors import Tensor
from tests.support import graphs
from tests.support.graphs import SAMPLE, Arithmetic, Story


def splitting_story(count: int, copies: int = 3, declared: int | None = None) -> Story:
    """`a` splits what it gives, `b` runs for each shard."""
    nodes = [
        graphs.node("a", {"i": ("request", "x")}, demultiply_count=count),
        graphs.node("b", {"i": ("a", "y")}),
    ]
    config = graphs.pipeline(nodes, [graphs.source("out", "b", "y")])
    first = Arithmetic({"i": SAMPLE}, copies=copies, declared_copies=declared)
    return Story(config, {"a": first, "b": Arithmetic({"i": SAMPLE})})


def entry_story() -> Story:
    config = graphs.pipeline(
        [graphs.node("a", {"i": ("request", "x")})],
        [graphs.source("out", "a", "y")],
        demultiply_count=-1,
    )
    return Story(config, {"a": Arithmetic({"i": SAMPLE})})


def ones(*shape: int) -> Tensor:
    return np.ones(shape, np.float32)


def give(story: Story, answer: Tensor) -> Flow:
    """A flow whose first node gave `answer`."""
    flow = Flow(story.draw(), {"x": ones(*SAMPLE)})
    flow.finish(flow.take(), {"y": answer})
    return flow


def test_shards_are_views() -> None:
    """Splitting copies nothing."""
    x = ones(5, *SAMPLE)
    flow = Flow(entry_story().draw(), {"x": x})

    assert flow.ready == 5
    assert all(np.shares_memory(flow.take().inputs["i"], x) for _ in range(5))


def test_nothing_to_split_is_told_as_no_results() -> None:
    """Zero shards are ABORTED, as OVMS's clients know it, with a sentence."""
    with pytest.raises(errors.NodeFailed, match="node 'a': no shards") as caught:
        give(splitting_story(-1, declared=-1), ones(0, *SAMPLE))

    assert caught.value.kind is errors.Kind.ABORTED


def test_more_shards_than_the_limit_are_refused() -> None:
    """10,001 results of a node are RESOURCE_EXHAUSTED, and no run is made of them."""
    with pytest.raises(errors.NodeFailed, match="at most 10000 shards, got 10001") as caught:
        give(splitting_story(-1, declared=-1), ones(10_001, *SAMPLE))

    assert caught.value.kind is errors.Kind.RESOURCE_EXHAUSTED


def test_another_number_of_shards_than_the_fixed_one_is_refused() -> None:
    """A model that may give any number must give the number the pipeline counts on."""
    with pytest.raises(errors.NodeFailed, match="node 'a': expected 3 shards, got 2") as caught:
        give(splitting_story(3, declared=-1), ones(2, *SAMPLE))

    assert caught.value.kind is errors.Kind.FAILED_PRECONDITION


def test_shards_of_different_shapes_are_not_gathered() -> None:
    """The first shard's shape is that of all; the sentence names the shard that differs."""
    flow = Flow(entry_story().draw(), {"x": ones(2, *SAMPLE)})
    flow.finish(flow.take(), {"y": ones(1, 2)})
    with pytest.raises(errors.NodeFailed, match=r"node 'a': item 'y': shard \(1\) has shape \(1,3\)"):
        flow.finish(flow.take(), {"y": ones(1, 3)})


def test_a_model_that_lost_an_output_is_told() -> None:
    """A version that came in the middle of a request, without the output: try again."""
    flow = Flow(entry_story().draw(), {"x": ones(1, *SAMPLE)})
    with pytest.raises(errors.NodeFailed, match="no output 'y' any more") as caught:
        flow.finish(flow.take(), {})

    assert caught.value.kind is errors.Kind.UNAVAILABLE


WRONG: list[tuple[dict[str, Tensor], str]] = [
    ({}, "expected an input named 'x'"),
    ({"x": ones(1, *SAMPLE), "z": ones(1)}, r"expected exactly \['x'\]"),
    ({"x": np.ones((1, *SAMPLE))}, "input 'x': dtype: expected float32, got float64"),
    ({"x": ones(*SAMPLE)}, r"rank: expected 3, shape \(-1,1,2\), got 2"),
    ({"x": ones(4, 1, 3)}, r"shape: expected \(-1,1,2\), got \(4,1,3\)"),
    ({"x": ones(10_001, *SAMPLE)}, "first dimension: expected at most 10000"),
]


@pytest.mark.parametrize(("inputs", "told"), WRONG)
def test_a_request_that_does_not_fit_is_refused_before_anything_runs(
    inputs: dict[str, Any], told: str
) -> None:
    """Names, dtype, rank, shape and the number of shards: the field, what was expected, what came."""
    with pytest.raises(errors.InvalidInput, match=told):
        requests.check_request(entry_story().draw(), inputs)


def test_inputs_are_split_together() -> None:
    """Two inputs of a demultiplied request must have as many shards."""
    config = graphs.pipeline(
        [graphs.node("a", {"i": ("request", "x"), "j": ("request", "z")})],
        [graphs.source("out", "a", "y")],
        inputs=["x", "z"],
        demultiply_count=-1,
    )
    story = Story(config, {"a": Arithmetic({"i": SAMPLE, "j": SAMPLE})})
    shapes: Sequence[int] = (2, 3)
    inputs = {name: ones(count, *SAMPLE) for name, count in zip("xz", shapes, strict=True)}

    with pytest.raises(errors.InvalidInput, match="input 'z': first dimension: expected 2, as in"):
        requests.check_request(story.draw(), inputs)
