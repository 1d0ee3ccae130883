"""The order in which a pipeline's nodes can run: sources before those that read them."""

from collections.abc import Iterator

from batchwright_server.core.dag.faults import Fault
from batchwright_server.core.dag.graph import Graph, Node


def sort_nodes(graph: Graph) -> tuple[Node, ...]:
    """The nodes, each after those it reads from; nodes of a cycle, or behind one, are left out."""
    undone = {node.name for node in graph.nodes}
    waiting = list(graph.nodes)
    ordered: list[Node] = []
    while ready := [node for node in waiting if not _sources(node) & undone]:
        ordered += ready
        undone -= {node.name for node in ready}
        waiting = [node for node in waiting if node not in ready]
    return tuple(ordered)


def check_order(graph: Graph) -> list[Fault]:
    """The faults of nodes that wait for themselves, or for which nobody waits."""
    return [*_check_cycles(graph), *_check_use(graph)]


def _check_cycles(graph: Graph) -> Iterator[Fault]:
    stuck = [node for node in graph.nodes if node not in sort_nodes(graph)]
    while idle := [node for node in stuck if not any(node.name in _sources(other) for other in stuck)]:
        stuck = [node for node in stuck if node not in idle]  # behind a cycle, not on it
    if stuck:
        names = [node.name for node in stuck]
        yield Fault(graph.name, f"the nodes {names} wait for each other's outputs: a cycle", names[0])


def _check_use(graph: Graph) -> Iterator[Fault]:
    used = {output.source.node for output in graph.outputs}
    growing = True
    while growing:
        behind = {name for node in graph.nodes if node.name in used for name in _sources(node)}
        growing = not behind <= used
        used |= behind
    for node in graph.nodes:
        if node.name not in used:
            yield Fault(graph.name, "no output of the pipeline depends on this node", node.name)
        elif not node.inputs:
            yield Fault(graph.name, "the node has no inputs, so that nothing would start it", node.name)


def _sources(node: Node) -> set[str]:
    return {connection.source.node for connection in node.inputs}
