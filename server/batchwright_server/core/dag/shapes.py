"""Checks of a pipeline's element types and shapes, and what they are for its clients.

A demultiplexer takes the first dimension off what it gives; gathering puts it back in front.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from batchwright_server.config.pipelines import REQUEST
from batchwright_server.core.dag.faults import Fault
from batchwright_server.core.dag.graph import RESPONSE, Connection, Graph, Node, Source
from batchwright_server.core.dag.interfaces import (
    Interface,
    Interfaces,
    Missing,
    TensorType,
    fits,
    narrow,
)
from batchwright_server.core.dag.levels import Levels
from batchwright_server.core.tensors import ANY, name_dtype

MIN_RANK = 3  # of what is demultiplied; OVMS's rule: the shards keep a batch dimension and one more


@dataclass
class Types:
    """What each source gives to a reader in its level, and what is wrong with it."""

    counts: dict[str, int]
    shards: dict[Source, TensorType] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def gathered(self, source: Source, levels: Levels, until: tuple[str, ...]) -> TensorType:
        """The type of `source` with its shards put together, up to the level `until`."""
        shard = self.shards[source]
        closed = levels.gives[source.node][len(until) :]
        return TensorType(shard.dtype, (*(self.counts[name] for name in closed), *shard.shape))


def find_types(graph: Graph, interfaces: Interfaces, levels: Levels) -> Types:
    """The types of all values in a pipeline whose names, order and levels are sound."""
    types = Types(graph.demultiplexers)
    for node in graph.nodes:
        for output in node.outputs:
            whole = _interface(interfaces, node).outputs[output.model_output]
            types.shards[Source(node.name, output.item)] = _shard(types, node.name, whole)
    for name in graph.inputs:
        _find_input(graph, interfaces, types, name)
    if not types.faults:
        types.faults += _check_demultiplied(graph, interfaces, types)
        types.faults += _check_connections(graph, interfaces, types, levels)
    return types


def _interface(interfaces: Interfaces, node: Node) -> Interface:
    found = interfaces[node.name]
    if isinstance(found, Missing):
        raise TypeError(f"node {node.name!r} has no model; names are to be checked first")
    return found


def _shard(types: Types, node: str, whole: TensorType) -> TensorType:
    return TensorType(whole.dtype, whole.shape[1:]) if node in types.counts else whole


def _find_input(graph: Graph, interfaces: Interfaces, types: Types, name: str) -> None:
    """A pipeline's input is what its readers take; those must be able to take the same."""
    source = Source(REQUEST, name)
    for node, connection in _readers(graph, source):
        taken = _interface(interfaces, node).inputs[connection.name]
        if node.gather_from is not None:
            taken = TensorType(taken.dtype, taken.shape[1:])
        known = types.shards.setdefault(source, taken)
        if known.dtype != taken.dtype or not fits(known.shape, taken.shape):
            message = f"goes to nodes that disagree: {taken} for node {node.name!r}, {known} for another"
            types.faults.append(Fault(graph.name, message, REQUEST, name))
            return
        types.shards[source] = TensorType(known.dtype, narrow(known.shape, taken.shape))
    if source not in types.shards:
        message = "no node takes this input, so that its shape and type are not known; remove it"
        types.faults.append(Fault(graph.name, message, REQUEST, name))


def _readers(graph: Graph, source: Source) -> Iterator[tuple[Node, Connection]]:
    for node in graph.nodes:
        for connection in node.inputs:
            if connection.source == source:
                yield node, connection


def _check_demultiplied(graph: Graph, interfaces: Interfaces, types: Types) -> Iterator[Fault]:
    for name in graph.inputs:
        if REQUEST in types.counts:
            shard = types.shards[Source(REQUEST, name)]
            whole = TensorType(shard.dtype, (types.counts[REQUEST], *shard.shape))
            yield from _check_split(graph, Source(REQUEST, name), whole)
    for node in graph.nodes:
        if node.demultiply_count is None:
            continue
        for output in node.outputs:
            whole = _interface(interfaces, node).outputs[output.model_output]
            yield from _check_split(graph, Source(node.name, output.item), whole)


def _check_split(graph: Graph, source: Source, whole: TensorType) -> Iterator[Fault]:
    count = graph.demultiplexers[source.node]
    if whole.dtype.kind not in "biuf":
        message = f"{name_dtype(whole.dtype)} tensors cannot be demultiplied, only numbers and booleans"
        yield Fault(graph.name, message, source.node, source.item)
    if len(whole.shape) < MIN_RANK:
        message = f"{whole} cannot be demultiplied: at least {MIN_RANK} dimensions are needed"
        yield Fault(graph.name, message, source.node, source.item)
    elif count != ANY and whole.shape[0] not in (ANY, count):
        message = f"{whole} has {whole.shape[0]} shards, but demultiply_count is {count}"
        yield Fault(graph.name, message, source.node, source.item)


def _check_connections(
    graph: Graph, interfaces: Interfaces, types: Types, levels: Levels
) -> Iterator[Fault]:
    for node in graph.nodes:
        for connection in node.inputs:
            taken = _interface(interfaces, node).inputs[connection.name]
            given = types.gathered(connection.source, levels, levels.runs[node.name])
            yield from _check_types(graph, node, connection, (taken, given))
    for output in graph.outputs:
        if output.source not in types.shards:
            yield Fault(graph.name, "its shape is not known", RESPONSE, output.name)


def _check_types(
    graph: Graph, node: Node, connection: Connection, pair: tuple[TensorType, TensorType]
) -> Iterator[Fault]:
    taken, given = pair
    source = connection.source
    comes = f"{source.item!r} of node {source.node!r} gives {given}"
    if taken.dtype != given.dtype:
        message = f"wrong precision: model {node.model!r} takes {taken}, but {comes}"
        yield Fault(graph.name, message, node.name, connection.name)
    if not fits(taken.shape, given.shape):
        message = f"wrong shape: model {node.model!r} takes {taken}, but {comes}"
        yield Fault(graph.name, message, node.name, connection.name)
