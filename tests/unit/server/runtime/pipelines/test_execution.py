import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_server import errors
from batchwright_server.core.dag.graph import Node
from batchwright_server.core.tensors import Tensor, Tensors
from batchwright_server.runtime.pipelines.execution import Execution
from tests.support import graph_stories, graphs
from tests.support.graphs import SAMPLE, Arithmetic, Story

FOREVER = float("inf")


class ComputedModels:
    """Models that answer after some turns of the loop, so that runs overtake each other."""

    def __init__(self, story: Story, turns: Callable[[], int] = lambda: 0) -> None:
        self._story = story
        self._turns = turns
        self.running = 0
        self.most = 0
        self.most_of: Counter[str] = Counter()  # by node
        self._running_of: Counter[str] = Counter()
        self.log: list[tuple[str, float]] = []

    async def infer(self, node: Node, inputs: Tensors, deadline: float) -> dict[str, Tensor]:
        assert deadline == FOREVER
        self.running += 1
        self.most = max(self.most, self.running)
        self._running_of[node.name] += 1
        self.most_of[node.name] = max(self.most_of[node.name], self._running_of[node.name])
        try:
            for _ in range(self._turns()):
                await asyncio.sleep(0)
            return self._compute(node, inputs)
        finally:
            self.running -= 1
            self._running_of[node.name] -= 1

    def _compute(self, node: Node, inputs: Tensors) -> dict[str, Tensor]:
        model = self._story.models[node.name]
        for name, shape in model.inputs.items():
            assert len(inputs[name].shape) == len(shape)
        self.log.append((node.name, float(next(iter(inputs.values())).flat[0])))
        return model.compute(inputs)


class HeldModels:
    """Models that wait for the test, and fail for a shard that has the value `bad`."""

    def __init__(self, bad: float | None = None) -> None:
        self.started: list[float] = []
        self.cancelled = 0
        self.go = asyncio.Event()
        self._bad = bad

    async def infer(self, node: Node, inputs: Tensors, deadline: float) -> dict[str, Tensor]:
        value = float(inputs["i"].flat[0])
        self.started.append(value)
        if value == self._bad:
            raise errors.InvalidInput("input 'i': value", "a good one", "a bad one")
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return {"y": inputs["i"]}


def split_story() -> Story:
    config = graphs.pipeline(
        [graphs.node("a", {"i": ("request", "x")})],
        [graphs.source("out", "a", "y")],
        demultiply_count=-1,
    )
    return Story(config, {"a": Arithmetic({"i": SAMPLE})})


def numbered(count: int) -> Tensor:
    return np.arange(count, dtype=np.float32)[:, None, None] + np.zeros(SAMPLE, np.float32)


@settings(max_examples=300, deadline=None)
@given(story=graph_stories.stories(), width=st.integers(1, 5), random=st.randoms())
def test_any_pipeline_answers_as_plain_arithmetic_does(
    story: tuple[Story, int], width: int, random: Any
) -> None:
    """Random graphs with random splits and gatherings, in any order of answers: right in every row."""
    drawn, count = story
    shape = graphs.entry_shape(drawn, count)
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    models = ComputedModels(drawn, lambda: random.randrange(4))
    plan = drawn.draw()

    answer = asyncio.run(Execution(models, width).run(plan, {"x": x}, FOREVER))

    expected = graphs.interpret(drawn, {"x": x})
    assert answer.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(answer[name], value)
        known = plan.outputs[name].shape
        assert all(want in (-1, got) for want, got in zip(known, value.shape, strict=True))
    assert models.most <= width


async def test_a_request_never_has_more_runs_under_way_than_its_width() -> None:
    """However many shards there are, others wait behind a few of them only."""
    models = HeldModels()
    task = asyncio.create_task(
        Execution(models, 3).run(split_story().draw(), {"x": numbered(1000)}, FOREVER)
    )
    for _ in range(20):
        await asyncio.sleep(0)

    assert models.started == [0, 1, 2]

    models.go.set()
    np.testing.assert_array_equal((await task)["out"], numbered(1000))


async def test_a_shard_goes_through_before_the_next_begins() -> None:
    """What is furthest on its way runs first, so that few values are kept."""
    config = graphs.pipeline(
        [graphs.node("a", {"i": ("request", "x")}), graphs.node("b", {"i": ("a", "y")})],
        [graphs.source("out", "b", "y")],
        demultiply_count=-1,
    )
    story = Story(config, {"a": Arithmetic({"i": SAMPLE}), "b": Arithmetic({"i": SAMPLE})})
    models = ComputedModels(story)

    await Execution(models, 1).run(story.draw(), {"x": numbered(3)}, FOREVER)

    assert models.log == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]


async def test_shards_run_side_by_side_after_every_split() -> None:
    """Also those that a node splits, and those split again after all were gathered."""
    config = graphs.pipeline(
        [
            graphs.node("a", {"i": ("request", "x")}, demultiply_count=3),
            graphs.node("b", {"i": ("a", "y")}),
            graphs.node("c", {"i": ("b", "y")}, gather_from_node="a", demultiply_count=3),
            graphs.node("d", {"i": ("c", "y")}),
        ],
        [graphs.source("out", "d", "y")],
    )
    arithmetic = {
        "a": Arithmetic({"i": SAMPLE}, copies=3),
        "b": Arithmetic({"i": SAMPLE}),
        "c": Arithmetic({"i": (3, *SAMPLE)}, copies=3),
        "d": Arithmetic({"i": SAMPLE}),
    }
    story = Story(config, arithmetic)
    models = ComputedModels(story, lambda: 5)

    await Execution(models, 3).run(story.draw(), {"x": numbered(1)[0]}, FOREVER)

    assert models.most_of == {"a": 1, "b": 3, "c": 1, "d": 3}


async def test_the_first_failure_ends_the_request_and_its_other_shards() -> None:
    """The failure comes at once, with its kind, pipeline, node and shard; what runs is cancelled."""
    models = HeldModels(bad=2)
    with pytest.raises(errors.NodeFailed) as caught:
        await asyncio.wait_for(
            Execution(models, 3).run(split_story().draw(), {"x": numbered(50)}, FOREVER), timeout=5
        )

    assert caught.value.kind is errors.Kind.INVALID_ARGUMENT
    told = "pipeline 'p', node 'a': shard [2]: input 'i': value: expected a good one, got a bad one"
    assert str(caught.value) == told
    assert models.started == [0, 1, 2]
    assert models.cancelled == 2


async def test_cancelling_a_request_cancels_what_runs() -> None:
    """A client that goes away leaves nothing running."""
    models = HeldModels()
    task = asyncio.create_task(
        Execution(models, 4).run(split_story().draw(), {"x": numbered(50)}, FOREVER)
    )
    for _ in range(10):
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert models.cancelled == 4
    assert len(models.started) == 4
