"""The Pipeline: a graph over the models of one ModelServer that clients ask for like one model.

Here is what can be seen in the object alone. Whether its nodes fit together and to the models they name
is known where the models are, and told as a condition.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from batchwright_operator.resources.metadata import Metadata, Name, ObjectKey
from batchwright_operator.resources.model import ModelName
from batchwright_operator.resources.strict import Positive, Strict, Text
from batchwright_server.config.pipelines import MAX_SHARDS, REQUEST

KIND = "Pipeline"
_ANY_COUNT = -1
_MOST = 64  # of nodes, of inputs, of outputs


def _check_count(value: int) -> int:
    if value == 0:
        raise ValueError("expected a count, or -1 for any; 0 is the old way to say any (got 0)")
    return value


DemultiplyCount = Annotated[
    int, Field(strict=True, ge=_ANY_COUNT, le=MAX_SHARDS), AfterValidator(_check_count)
]


class Source(Strict):
    """Where a value comes from: a node, or `request`, and what it calls the value."""

    node: Text
    item: Text


class Connection(Strict):
    """A value by the name its reader has for it."""

    name: Text
    from_: Annotated[Source, Field(alias="from")]


class NodeOutput(Strict):
    """The name other nodes have for an output of the node's model, and the model's own."""

    name: Text
    item: Text


class Node(Strict):
    """One node: a model, what goes into it, and what of its answer is used."""

    name: Text
    model: ModelName
    version: Positive | None = None  # None: the one that serves by default
    inputs: Annotated[tuple[Connection, ...], Field(max_length=_MOST)]
    outputs: Annotated[tuple[NodeOutput, ...], Field(max_length=_MOST)]
    demultiply_count: DemultiplyCount | None = None
    gather_from: Text | None = None

    @field_validator("name")
    @classmethod
    def _check_name(cls, value: str) -> str:
        if value == REQUEST:
            raise ValueError(f"{REQUEST!r} is the pipeline's own input; choose another name")
        return value

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _check_unique("inputs", (item.name for item in self.inputs))
        _check_unique("outputs", (item.name for item in self.outputs))
        return self


class ModelServerRef(Strict):
    """The ModelServer of the same namespace whose models are used."""

    name: Name


class PipelineSpec(Strict):
    """What the user wants."""

    model_server_ref: ModelServerRef
    name: ModelName | None = None  # what clients ask for; None: the object's name
    inputs: Annotated[tuple[Text, ...], Field(max_length=_MOST)]
    demultiply_count: DemultiplyCount | None = None
    nodes: Annotated[tuple[Node, ...], Field(max_length=_MOST)]
    outputs: Annotated[tuple[Connection, ...], Field(max_length=_MOST)]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        parts = {
            "inputs": self.inputs,
            "nodes": [node.name for node in self.nodes],
            "outputs": [output.name for output in self.outputs],
        }
        for key, names in parts.items():
            if not names:
                raise ValueError(f"{key}: expected at least one (got none)")
            _check_unique(key, names)
        return self


class Pipeline(Strict):
    """The whole object, as it is written."""

    api_version: Literal["batchwright.dev/v1alpha1"] = "batchwright.dev/v1alpha1"
    kind: Literal["Pipeline"] = "Pipeline"
    metadata: Metadata
    spec: PipelineSpec
    status: object = None  # written by the controller; what a user writes here is not read

    @property
    def key(self) -> ObjectKey:
        """The object's namespace and name."""
        return self.metadata.key

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    @property
    def served_name(self) -> str:
        """What clients ask for."""
        return self.spec.name or self.name

    @property
    def server_key(self) -> ObjectKey:
        """The ModelServer whose models it uses."""
        return ObjectKey(self.metadata.namespace, self.spec.model_server_ref.name)

    def with_generation(self, generation: int) -> "Pipeline":
        """The same object as its `generation`-th edit."""
        metadata = self.metadata.model_copy(update={"generation": generation})
        return self.model_copy(update={"metadata": metadata})


def _check_unique(key: str, names: Iterable[str]) -> None:
    listed = list(names)
    twice = sorted({name for name in listed if listed.count(name) > 1})
    if twice:
        raise ValueError(f"{key}: each name once; got more than once: {', '.join(twice)}")
