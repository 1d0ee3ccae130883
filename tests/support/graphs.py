"""Pipelines over small arithmetic models, and what they must answer by a second, plain way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchwright_server.config.pipelines import REQUEST, PipelineConfig
from batchwright_server.core.dag import blueprint, graph
from batchwright_server.core.dag.interfaces import Interface, Missing, TensorType
from batchwright_server.core.tensors import ANY

Array = NDArray[Any]
Shape = tuple[int, ...]

FLOAT = np.dtype("<f4")
SAMPLE = (1, 2)  # what every model computes on


@dataclass(frozen=True)
class Arithmetic:
    """A model: each input summed up to SAMPLE and weighted, all added; `y` is that `copies` times.

    Copy number k is the k + 1 fold. Without copies, `y` has SAMPLE's shape.
    """

    inputs: Mapping[str, Shape]
    offset: int = 0
    copies: int | None = None
    declared_copies: int | None = None  # ANY: what a model says whose number of results varies

    @property
    def interface(self) -> Interface:
        inputs = {name: TensorType(FLOAT, shape) for name, shape in self.inputs.items()}
        shape: Shape = SAMPLE
        if self.copies is not None:
            shape = (self.declared_copies or self.copies, *SAMPLE)
        return Interface(inputs, {"y": TensorType(FLOAT, shape)})

    def compute(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        total = np.full(SAMPLE, self.offset, FLOAT)
        for weight, name in enumerate(sorted(inputs), start=1):
            total = total + weight * inputs[name].reshape(-1, *SAMPLE).sum(axis=0)
        if self.copies is None:
            return {"y": total.astype(FLOAT)}
        return {"y": np.stack([total * (k + 1) for k in range(self.copies)]).astype(FLOAT)}


@dataclass
class Story:
    """A pipeline with its models, by node."""

    config: PipelineConfig
    models: dict[str, Arithmetic] = field(default_factory=dict)

    @property
    def graph(self) -> graph.Graph:
        return graph.from_config(self.config)

    @property
    def interfaces(self) -> dict[str, Interface | Missing]:
        return {name: model.interface for name, model in self.models.items()}

    def draw(self) -> blueprint.Blueprint:
        return blueprint.draw(self.graph, self.interfaces)


def pipeline(nodes: list[dict[str, Any]], outputs: list[dict[str, Any]], **keys: Any) -> PipelineConfig:
    """A pipeline's configuration, named `p`, with the input `x`."""
    plain = {"name": "p", "inputs": ["x"], "nodes": nodes, "outputs": outputs} | keys
    return PipelineConfig.model_validate(plain)


def node(name: str, sources: Mapping[str, tuple[str, str]], **keys: Any) -> dict[str, Any]:
    """A node with the output `y`; `sources` are (node, item) by input."""
    return {
        "name": name,
        "type": "DL model",
        "model_name": f"model-{name}",
        "inputs": [source(key, *found) for key, found in sources.items()],
        "outputs": [{"data_item": "y", "alias": "y"}],
    } | keys


def source(name: str, from_node: str, item: str) -> dict[str, Any]:
    """One connection."""
    return {name: {"node_name": from_node, "data_item": item}}


def interpret(story: Story, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The pipeline's outputs, computed without any flow.

    A value has the dimensions of its level in front, so that splitting and gathering move nothing.
    """
    values = {(REQUEST, name): value for name, value in inputs.items()}
    depths = {REQUEST: 0 if story.config.demultiply_count is None else 1}
    for part in _in_order(story):
        taken = [(name, (s.node_name, s.data_item)) for one in part.inputs for name, s in one.items()]
        depth = depths[taken[0][1][0]] - (part.gather_from_node is not None)
        sizes = values[taken[0][1]].shape[:depth]
        results = [
            story.models[part.name].compute({name: values[where][index] for name, where in taken})["y"]
            for index in np.ndindex(*sizes)
        ]
        values[part.name, "y"] = np.stack(results).reshape(*sizes, *results[0].shape)
        depths[part.name] = depth + (part.demultiply_count is not None)
    return {
        name: values[found.node_name, found.data_item]
        for one in story.config.outputs
        for name, found in one.items()
    }


def _in_order(story: Story) -> Iterator[Any]:
    """The nodes as the stories here write them: sources first."""
    yield from story.config.nodes


def entry_shape(story: Story, count: int) -> Shape:
    """The shape of `x` for `count` shards, where the request is demultiplied."""
    return SAMPLE if story.config.demultiply_count is None else (count, *SAMPLE)


def is_any(count: int | None) -> bool:
    """Whether a demultiply_count takes any number of shards."""
    return count in (0, ANY)
