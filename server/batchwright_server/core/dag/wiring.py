"""Checks of a pipeline's names: what a node refers to is there, once.

Each check gives every fault it finds; the rules are those of OpenVINO Model Server's pipelines.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from batchwright_server.config.pipelines import REQUEST
from batchwright_server.core.dag.faults import Fault
from batchwright_server.core.dag.graph import RESPONSE, Connection, Graph, Node
from batchwright_server.core.dag.interfaces import Interface, Interfaces, Missing


def check_wiring(graph: Graph, interfaces: Interfaces) -> list[Fault]:
    """The faults in what the pipeline's parts are called and refer to."""
    faults = [*_check_names(graph), *_check_sources(graph), *_check_gathering(graph)]
    for node in graph.nodes:
        faults += _check_model(graph, node, interfaces[node.name])
    return faults


def _check_names(graph: Graph) -> Iterator[Fault]:
    for name in _repeated(node.name for node in graph.nodes):
        yield Fault(graph.name, "another node has this name; each node needs a name of its own", name)
    for name in {node.name for node in graph.nodes} & {REQUEST, RESPONSE}:
        yield Fault(graph.name, f"the name {name!r} is taken; give the node another", name)
    for name in _repeated(graph.inputs):
        yield Fault(graph.name, "this input is declared more than once", REQUEST, name)
    for name in _repeated(output.name for output in graph.outputs):
        yield Fault(graph.name, "this output is declared more than once", RESPONSE, name)
    for node in graph.nodes:
        for name in _repeated(output.item for output in node.outputs):
            yield Fault(graph.name, "two outputs of the node have this alias", node.name, name)
    if not graph.outputs:
        yield Fault(graph.name, "the pipeline has no outputs; it would answer nothing")


def _check_sources(graph: Graph) -> Iterator[Fault]:
    items: dict[str, set[str]] = {REQUEST: set(graph.inputs)}
    for node in graph.nodes:
        items.setdefault(node.name, set()).update(output.item for output in node.outputs)
    for reader, connections in _readers(graph):
        for connection in connections:
            source = connection.source
            if source.node not in items:
                message = f"takes its value from node {source.node!r}, which does not exist"
                yield Fault(graph.name, message, reader, connection.name)
            elif source.item not in items[source.node]:
                known = sorted(items[source.node])
                message = (
                    f"takes its value from {source.item!r} of node {source.node!r}, which has {known}"
                )
                yield Fault(graph.name, message, reader, connection.name)


def _check_gathering(graph: Graph) -> Iterator[Fault]:
    names = {REQUEST, *(node.name for node in graph.nodes)}
    for node in graph.nodes:
        wanted = node.gather_from
        if wanted is None:
            continue
        if wanted not in names:
            message = f"gathers from node {wanted!r}, which does not exist"
            yield Fault(graph.name, message, node.name)
        elif wanted not in graph.demultiplexers:
            message = f"gathers from node {wanted!r}, which has no demultiply_count"
            yield Fault(graph.name, message, node.name)


def _check_model(graph: Graph, node: Node, interface: Interface | Missing) -> Iterator[Fault]:
    if node.library:
        message = (
            f"a custom node (library {node.library!r}) is native code for OpenVINO Model Server and is "
            "not supported; put what it computes into a model"
        )
        yield Fault(graph.name, message, node.name)
    elif isinstance(interface, Missing):
        yield Fault(graph.name, interface.reason, node.name)
    else:
        yield from _check_inputs(graph, node, interface)
        yield from _check_outputs(graph, node, interface)


def _check_inputs(graph: Graph, node: Node, interface: Interface) -> Iterator[Fault]:
    connected = [connection.name for connection in node.inputs]
    known = sorted(interface.inputs)
    for name in _repeated(connected):
        yield Fault(graph.name, "this input is connected more than once", node.name, name)
    for name in sorted(set(connected) - set(known)):
        message = f"model {node.model!r} has no such input; it has {known}"
        yield Fault(graph.name, message, node.name, name)
    for name in sorted(set(known) - set(connected)):
        message = f"this input of model {node.model!r} is not connected"
        yield Fault(graph.name, message, node.name, name)


def _check_outputs(graph: Graph, node: Node, interface: Interface) -> Iterator[Fault]:
    for output in node.outputs:
        if output.model_output not in interface.outputs:
            known = sorted(interface.outputs)
            message = f"model {node.model!r} has no such output; it has {known}"
            yield Fault(graph.name, message, node.name, output.model_output)


def _readers(graph: Graph) -> Iterator[tuple[str, tuple[Connection, ...]]]:
    """Every node that takes values, with its connections; `response` last."""
    for node in graph.nodes:
        yield node.name, node.inputs
    yield RESPONSE, graph.outputs


def _repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)
