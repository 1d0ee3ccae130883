"""Pipelines in the configuration document: OVMS's `pipeline_config_list`.

Here is only what can be read without knowing anything else: keys, types and ranges. Whether the nodes
fit together and to the models they name is checked when a pipeline is loaded, so that a bad pipeline
can fail alone.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, StrictStr, field_validator, model_validator

from batchwright_server.config.frozen import Frozen
from batchwright_server.config.problems import Problem

REQUEST = "request"  # the node by which a pipeline's inputs are named
MAX_SHARDS = 10_000  # that one demultiplexer may make of one tensor; OVMS's limit

Name = Annotated[StrictStr, Field(min_length=1)]
DemultiplyCount = Annotated[StrictInt, Field(ge=-1, le=MAX_SHARDS)]


class SourceConfig(Frozen):
    """Where a value comes from: a node (or `request`) and what it calls the value."""

    node_name: Name
    data_item: Name


NamedSource = Annotated[dict[Name, SourceConfig], Field(min_length=1, max_length=1)]


class NodeOutput(Frozen):
    """An output of a node's model, and the name other nodes know it by."""

    data_item: Name
    alias: Name


class NodeConfig(Frozen):
    """One node: a model, what goes into it, and what of its answer is used."""

    name: Name
    type: Literal["DL model", "custom"]
    inputs: tuple[NamedSource, ...]
    outputs: tuple[NodeOutput, ...]
    model_name: Name | None = None
    version: Annotated[StrictInt, Field(ge=1)] | None = None
    library_name: Name | None = None
    params: dict[str, str] = Field(default={})
    demultiply_count: DemultiplyCount | None = None
    gather_from_node: Name | None = None

    @field_validator("gather_from_node", mode="before")
    @classmethod
    def _check_one_gathering(cls, value: object) -> object:
        is_one = not isinstance(value, list)
        if is_one:
            return value
        raise ValueError("a node gathers from one demultiplexer; expected its name, not a list")

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.type == "custom" and (self.model_name or not self.library_name):
            raise ValueError("a node of type 'custom' has a library_name and no model_name")
        if self.type == "DL model" and (self.library_name or self.params or not self.model_name):
            raise ValueError("a node of type 'DL model' has a model_name, no library_name and no params")
        return self


class PipelineConfig(Frozen):
    """One pipeline: its inputs, its nodes, and which of their outputs are the answer."""

    name: Annotated[StrictStr, Field(min_length=1, max_length=253)]
    inputs: tuple[Name, ...]
    nodes: tuple[NodeConfig, ...]
    outputs: tuple[NamedSource, ...]
    demultiply_count: DemultiplyCount | None = None

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is accepted, but not as it is written."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[Problem]:
        counts = {"": self.demultiply_count}
        counts |= {f"nodes[{index}].": node.demultiply_count for index, node in enumerate(self.nodes)}
        for path, count in counts.items():
            if count == 0:
                yield Problem(f"{path}demultiply_count", "0 is the old way to say any number; write -1")
