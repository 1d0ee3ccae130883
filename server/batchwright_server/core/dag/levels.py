"""Where a pipeline is split and gathered: the demultiplexers inside which each node runs.

A *level* is the list of demultiplexers that are open, outermost first. A node runs once for each shard
of its level. Gathering closes the innermost one: what was split last is gathered first. The pipeline's
outputs close all that are still open.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from batchwright_server.config.pipelines import REQUEST
from batchwright_server.core.dag import order
from batchwright_server.core.dag.faults import Fault
from batchwright_server.core.dag.graph import RESPONSE, Connection, Graph, Node
from batchwright_server.core.tensors import ANY

Level = tuple[str, ...]


@dataclass
class Levels:
    """The levels of a whole pipeline, and what is wrong with them."""

    runs: dict[str, Level] = field(default_factory=dict)  # in which a node runs
    gives: dict[str, Level] = field(default_factory=dict)  # of what others get from it
    faults: list[Fault] = field(default_factory=list)


def find_levels(graph: Graph) -> Levels:
    """The level of every node. Where a node's inputs disagree, that of its first is gone on with."""
    levels = Levels(faults=list(_check_counts(graph)))
    opened = (REQUEST,) if graph.demultiply_count is not None else ()
    levels.runs[REQUEST], levels.gives[REQUEST] = (), opened
    for node in order.sort_nodes(graph):
        taken = _taken_level(graph, levels, node.name, node.inputs)
        run = _gathered(graph, levels, node, taken)
        levels.runs[node.name] = run
        levels.gives[node.name] = run if node.demultiply_count is None else (*run, node.name)
    levels.runs[RESPONSE] = _taken_level(graph, levels, RESPONSE, graph.outputs)
    return levels


def _check_counts(graph: Graph) -> Iterator[Fault]:
    counts = graph.demultiplexers
    if len(counts) > 1 and ANY in counts.values():
        open_ended = [name for name, count in counts.items() if count == ANY]
        message = (
            f"there are {len(counts)} demultiplexers ({sorted(counts)}), and {open_ended} take any "
            "number of shards; give each a fixed demultiply_count, or have only one"
        )
        yield Fault(graph.name, message, open_ended[0])


def _taken_level(
    graph: Graph, levels: Levels, reader: str, connections: tuple[Connection, ...]
) -> Level:
    """The level of what a node takes in, on which all its inputs must agree."""
    found = {connection.name: levels.gives[connection.source.node] for connection in connections}
    first = next(iter(found.values()))
    for name, level in found.items():
        if level != first:
            message = (
                f"comes {_inside(level)}, but the node's other inputs {_inside(first)}; all inputs of a "
                "node must be split by the same demultiplexers"
            )
            levels.faults.append(Fault(graph.name, message, reader, name))
    return first


def _gathered(graph: Graph, levels: Levels, node: Node, taken: Level) -> Level:
    wanted = node.gather_from
    if wanted is None:
        return taken
    if not taken or wanted != taken[-1]:
        reason = (
            f"{taken[-1]!r} was demultiplied later; gather from that one first"
            if wanted in taken
            else f"its inputs come {_inside(taken)}"
        )
        levels.faults.append(
            Fault(graph.name, f"cannot gather from node {wanted!r}: {reason}", node.name)
        )
    return taken[:-1]


def _inside(level: Level) -> str:
    return f"in shards of {list(level)}" if level else "whole, not in shards"
