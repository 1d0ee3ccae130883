"""The Pipeline: a graph over the models of one ModelServer that clients ask for like one model.

Here is what can be seen in the object alone. Whether its nodes fit together and to the models they name
is known where the models are, and told as a condition.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from batchwright_operator.resources.markers import NOT_EMPTY, SET, Rule, list_map
from batchwright_operator.resources.metadata import Metadata, Name, ObjectKey
from batchwright_operator.resources.model import ModelName
from batchwright_operator.resources.strict import Positive, Strict, Text
from batchwright_server.config.pipelines import MAX_SHARDS, REQUEST

KIND = "Pipeline"
_ANY_COUNT = -1
_MOST = 64  # of nodes, of inputs, of outputs


_NOT_ZERO = Rule("self != 0", "expected a count, or -1 for any; 0 is the old way to say any")
_NOT_REQUEST = Rule(
    f"self != {REQUEST!r}", f"{REQUEST!r} is the pipeline's own input; choose another name"
)


def _check_count(value: int) -> int:
    if value == 0:
        raise ValueError(f"{_NOT_ZERO.message} (got 0)")
    return value


DemultiplyCount = Annotated[
    int, Field(strict=True, ge=_ANY_COUNT, le=MAX_SHARDS), AfterValidator(_check_count), _NOT_ZERO
]


class Source(Strict):
    """Where a value comes from: a node, or `request`, and what it calls the value."""

    node: Text
    """The node's name, or `request` for what clients send."""
    item: Text
    """The name of the node's output, or of the pipeline's input."""


class Connection(Strict):
    """A value by the name its reader has for it."""

    name: Text
    """The name its reader has for it."""
    from_: Annotated[Source, Field(alias="from")]
    """Where it comes from."""


class NodeOutput(Strict):
    """The name other nodes have for an output of the node's model, and the model's own."""

    name: Text
    """The name other nodes have for it."""
    item: Text
    """The name the model has for it."""


class Node(Strict):
    """One node: a model, what goes into it, and what of its answer is used."""

    name: Annotated[Text, _NOT_REQUEST]
    """The node's name; `request` is taken."""
    model: ModelName
    """A model of the ModelServer."""
    version: Positive | None = None
    """The model's version. Absent: the one that serves by default."""
    inputs: Annotated[tuple[Connection, ...], Field(max_length=_MOST), list_map("name")]
    """What goes into the model, by the names of its inputs."""
    outputs: Annotated[tuple[NodeOutput, ...], Field(max_length=_MOST), list_map("name")]
    """What of the model's answer is used."""
    demultiply_count: DemultiplyCount | None = None
    """Split the outputs along their first dimension into this many parts; -1: as many as there are."""
    gather_from: Text | None = None
    """The node whose parts are put together again in front of this one."""

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
    """The ModelServer's name."""


class PipelineSpec(Strict):
    """What the user wants."""

    model_server_ref: ModelServerRef
    """The ModelServer of the same namespace whose models are used, and that serves the pipeline."""
    name: ModelName | None = None
    """What clients ask for. Absent: the object's name."""
    inputs: Annotated[tuple[Text, ...], Field(max_length=_MOST), NOT_EMPTY, SET]
    """What clients send, by name."""
    demultiply_count: DemultiplyCount | None = None
    """Split requests along their first dimension into this many parts; -1: as many as there are.
    Absent: requests are not split."""
    nodes: Annotated[tuple[Node, ...], Field(max_length=_MOST), NOT_EMPTY, list_map("name")]
    """The nodes, each by a name of its own."""
    outputs: Annotated[tuple[Connection, ...], Field(max_length=_MOST), NOT_EMPTY, list_map("name")]
    """What clients get, by name."""

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

    @property
    def edition(self) -> tuple[str, str, int, PipelineSpec]:
        """What tells it from the same object edited, or made anew; its status is no part of that."""
        return self.name, self.metadata.uid, self.metadata.generation, self.spec

    def with_generation(self, generation: int) -> "Pipeline":
        """The same object as its `generation`-th edit."""
        metadata = self.metadata.model_copy(update={"generation": generation})
        return self.model_copy(update={"metadata": metadata})


def _check_unique(key: str, names: Iterable[str]) -> None:
    listed = list(names)
    twice = sorted({name for name in listed if listed.count(name) > 1})
    if twice:
        raise ValueError(f"{key}: each name once; got more than once: {', '.join(twice)}")
