"""A pipeline as a graph of nodes, as it was written: nothing is checked here.

`request` is a node too: its outputs are the pipeline's inputs. A *demultiplexer* is a node (or
`request`) whose outputs are split along their first dimension: each shard goes its own way until the
shards are gathered again.
"""

from dataclasses import dataclass

from batchwright_server.config.pipelines import REQUEST, NamedSource, NodeConfig, PipelineConfig
from batchwright_server.core.tensors import ANY

RESPONSE = "response"  # the node by which messages name a pipeline's outputs


@dataclass(frozen=True)
class Source:
    """An output of a node, by the name other nodes know it by."""

    node: str
    item: str


@dataclass(frozen=True)
class Connection:
    """An input of a node (or an output of the pipeline) and where its value comes from."""

    name: str
    source: Source


@dataclass(frozen=True)
class Output:
    """An output of a node's model, and the name other nodes know it by."""

    item: str
    model_output: str


@dataclass(frozen=True)
class Node:
    """One node; `version` 0 is whichever serves, `library` names that of a custom node."""

    name: str
    model: str
    version: int
    inputs: tuple[Connection, ...]
    outputs: tuple[Output, ...]
    demultiply_count: int | None = None  # None: no demultiplexer; ANY: as many as there are
    gather_from: str | None = None
    library: str = ""


@dataclass(frozen=True)
class Graph:
    """A whole pipeline."""

    name: str
    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Connection, ...]
    demultiply_count: int | None = None  # of `request`

    def node(self, name: str) -> Node:
        """The node of that name. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def demultiplexers(self) -> dict[str, int]:
        """The nodes that demultiply, `request` among them, with their counts."""
        counts = {REQUEST: self.demultiply_count, **{n.name: n.demultiply_count for n in self.nodes}}
        return {name: count for name, count in counts.items() if count is not None}


def from_config(config: PipelineConfig) -> Graph:
    """The graph that a pipeline's configuration describes."""
    return Graph(
        name=config.name,
        inputs=config.inputs,
        nodes=tuple(map(_node, config.nodes)),
        outputs=_connections(config.outputs),
        demultiply_count=_count(config.demultiply_count),
    )


def _node(config: NodeConfig) -> Node:
    return Node(
        name=config.name,
        model=config.model_name or "",
        version=config.version or 0,
        inputs=_connections(config.inputs),
        outputs=tuple(Output(output.alias, output.data_item) for output in config.outputs),
        demultiply_count=_count(config.demultiply_count),
        gather_from=config.gather_from_node,
        library=config.library_name or "",
    )


def _connections(named: tuple[NamedSource, ...]) -> tuple[Connection, ...]:
    return tuple(
        Connection(name, Source(source.node_name, source.data_item))
        for one in named
        for name, source in one.items()
    )


def _count(count: int | None) -> int | None:
    return ANY if count == 0 else count  # 0 is how OVMS wrote "any" before 2022
