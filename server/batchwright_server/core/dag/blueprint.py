"""A pipeline that was checked against its models: how values flow, and what clients see of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from batchwright_server.config.pipelines import REQUEST
from batchwright_server.core.dag import levels, order, shapes, wiring
from batchwright_server.core.dag.faults import Fault
from batchwright_server.core.dag.graph import RESPONSE, Connection, Graph, Node, Source
from batchwright_server.core.dag.interfaces import Interfaces, TensorType
from batchwright_server.core.dag.levels import Level, Levels


class InvalidGraph(ValueError):
    """A pipeline that cannot work; carries every fault found, not the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True)
class Link:
    """One way of a value: from an output of a node to an input of another, or to an output."""

    item: str  # of the source
    reader: str
    name: str  # of the reader's input
    gathers: bool  # the reader takes all shards of a demultiplexer together


@dataclass(frozen=True)
class Blueprint:
    """What is needed to run requests. Levels are those in which nodes run; `request` is one of them."""

    graph: Graph
    nodes: Mapping[str, Node]
    runs: Mapping[str, Level]
    counts: Mapping[str, int]  # of demultiplexers; ANY where the data decides
    links: Mapping[str, tuple[Link, ...]]  # by the node they come from
    gathers: Mapping[str, str]  # nodes that gather, with the demultiplexer they gather from
    answer_level: Level
    inputs: Mapping[str, TensorType]
    outputs: Mapping[str, TensorType]

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.graph.name


def draw(graph: Graph, interfaces: Interfaces) -> Blueprint:
    """The blueprint of `graph` over models with these interfaces (by node). Raises InvalidGraph.

    Names are checked first, then order, then levels, then shapes: each reads what the one before found
    sound. Within one of these, all faults are told at once.
    """
    _refuse([*wiring.check_wiring(graph, interfaces), *order.check_order(graph)])
    found = levels.find_levels(graph)
    _refuse(found.faults)
    types = shapes.find_types(graph, interfaces, found)
    _refuse(types.faults)
    return Blueprint(
        graph=graph,
        nodes={node.name: node for node in graph.nodes},
        runs=found.runs,
        counts=graph.demultiplexers,
        links=_links(graph),
        gathers={node.name: node.gather_from for node in graph.nodes if node.gather_from},
        answer_level=found.runs[RESPONSE],
        inputs={name: types.gathered(Source(REQUEST, name), found, ()) for name in graph.inputs},
        outputs=_outputs(graph, types, found),
    )


def _outputs(graph: Graph, types: shapes.Types, found: Levels) -> dict[str, TensorType]:
    return {output.name: types.gathered(output.source, found, ()) for output in graph.outputs}


def _links(graph: Graph) -> dict[str, tuple[Link, ...]]:
    links: dict[str, tuple[Link, ...]] = {}

    def add(reader: str, connections: tuple[Connection, ...], *, gathers: bool) -> None:
        for connection in connections:
            source = connection.source
            link = Link(source.item, reader, connection.name, gathers)
            links[source.node] = (*links.get(source.node, ()), link)

    for node in graph.nodes:
        add(node.name, node.inputs, gathers=node.gather_from is not None)
    add(RESPONSE, graph.outputs, gathers=False)
    return links


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise InvalidGraph(tuple(faults))
