"""One request on its way through a pipeline: what can run now, with which inputs, and the answer.

Bookkeeping only: whoever runs the models takes ready *runs*, and tells their outputs. Values are pushed
on as soon as they are there, so that a shard need not wait for its siblings and no value is kept longer
than somebody waits for it. Shards are views.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from batchwright_server.config.pipelines import MAX_SHARDS, REQUEST
from batchwright_server.core.dag.blueprint import Blueprint, Link
from batchwright_server.core.dag.gathering import DifferentShard, Gathering, Index
from batchwright_server.core.dag.graph import RESPONSE, Node
from batchwright_server.core.dag.levels import Level
from batchwright_server.core.tensors import ANY, Tensor, Tensors
from batchwright_server.errors import Kind, NodeFailed


@dataclass(frozen=True)
class Run:
    """One call of a node's model: for the shard `index` of the node's level."""

    node: Node
    index: Index
    inputs: Tensors


@dataclass
class _Arrivals:
    """What came so far for one run, and how many values are still to come."""

    missing: int
    inputs: dict[str, Tensor] = field(default_factory=dict)
    gatherings: dict[str, Gathering] = field(default_factory=dict)

    def ready(self, node: Node, index: Index) -> Run:
        gathered = {name: gathering.tensor for name, gathering in self.gatherings.items()}
        return Run(node, index, self.inputs | gathered)


class Flow:
    """The state of one request. All failures are NodeFailed."""

    def __init__(self, blueprint: Blueprint, inputs: Tensors) -> None:
        self._blueprint = blueprint
        self._counts = {name: n for name, n in blueprint.counts.items() if n != ANY}
        self._arrivals: dict[tuple[str, Index], _Arrivals] = {}
        self._answers: dict[str, Gathering] = {}
        self._ready: deque[Run] = deque()
        self._deliver(REQUEST, (), inputs)

    @property
    def ready(self) -> int:
        """How many runs can be taken now."""
        return len(self._ready)

    def take(self) -> Run:
        """The next run: what is furthest on its way first, so that shards are finished early."""
        return self._ready.popleft()

    def finish(self, run: Run, outputs: Tensors) -> None:
        """Pass on what the model gave for `run`."""
        try:
            named = {output.item: outputs[output.model_output] for output in run.node.outputs}
        except KeyError as error:
            reason = f"its model has no output {error} any more; try again"
            raise self._failure(run.node.name, Kind.UNAVAILABLE, reason) from error
        self._deliver(run.node.name, run.index, named)

    def answer(self) -> dict[str, Tensor]:
        """The pipeline's outputs, once nothing is ready and nothing runs."""
        names = [output.name for output in self._blueprint.graph.outputs]
        return {name: self._answers[name].tensor for name in names}

    def _deliver(self, source: str, index: Index, values: Tensors) -> None:
        links = self._blueprint.links.get(source, ())
        if source in self._blueprint.counts:
            self._count_shards(source, [values[link.item] for link in links])
        runs: list[Run] = []
        for link in links:
            try:
                runs += self._pass_on(link, source, index, values[link.item])
            except DifferentShard as error:
                reason = f"item {link.item!r}: {error}"
                raise self._failure(source, Kind.FAILED_PRECONDITION, reason) from error
        self._ready.extendleft(reversed(runs))

    def _pass_on(self, link: Link, source: str, index: Index, value: Tensor) -> Iterator[Run]:
        if link.reader == RESPONSE:
            self._answer(link.name).put(index, value)
        elif link.gathers and source not in self._blueprint.counts:
            yield from self._arrive(link, index[:-1], value, place=index[-1:])
        elif link.gathers or source not in self._blueprint.counts:
            yield from self._arrive(link, index, value)
        else:
            for shard in range(self._counts[source]):
                yield from self._arrive(link, (*index, shard), value[shard])

    def _arrive(
        self, link: Link, index: Index, value: Tensor, *, place: Index | None = None
    ) -> Iterator[Run]:
        key = (link.reader, index)
        node = self._blueprint.nodes[link.reader]
        arrivals = self._arrivals.get(key)
        if arrivals is None:
            arrivals = self._arrivals[key] = _Arrivals(self._expected(node))
        if place is None:
            arrivals.inputs[link.name] = value
        else:
            counts = self._sizes((self._blueprint.gathers[link.reader],))
            arrivals.gatherings.setdefault(link.name, Gathering(counts)).put(place, value)
        arrivals.missing -= 1
        if not arrivals.missing:
            yield self._arrivals.pop(key).ready(node, index)

    def _expected(self, node: Node) -> int:
        """How many values one run of `node` waits for."""
        gathered = self._blueprint.gathers.get(node.name)
        each = self._counts[gathered] if gathered else 1
        return sum(1 if connection.source.node == gathered else each for connection in node.inputs)

    def _answer(self, name: str) -> Gathering:
        sizes = self._sizes(self._blueprint.answer_level)
        return self._answers.setdefault(name, Gathering(sizes))

    def _sizes(self, level: Level) -> tuple[int, ...]:
        return tuple(self._counts[name] for name in level)

    def _count_shards(self, source: str, values: list[Tensor]) -> None:
        """Know how many shards `source` gives, and refuse what cannot be split."""
        wanted = self._blueprint.counts[source]
        found = {int(value.shape[0]) if value.ndim else 0 for value in values}
        expected = f"{wanted} shards" if wanted != ANY else f"at most {MAX_SHARDS} shards"
        if found == {0}:
            raise self._failure(source, Kind.ABORTED, "no shards: there is nothing to infer")
        if len(found) > 1:
            message = f"its outputs have different numbers of shards: {sorted(found)}"
            raise self._failure(source, Kind.FAILED_PRECONDITION, message)
        count = found.pop()
        if wanted not in (ANY, count):
            message = f"expected {expected}, got {count}"
            raise self._failure(source, Kind.FAILED_PRECONDITION, message)
        if count > MAX_SHARDS:
            raise self._failure(source, Kind.RESOURCE_EXHAUSTED, f"expected {expected}, got {count}")
        self._counts[source] = count

    def _failure(self, node: str, kind: Kind, reason: str) -> NodeFailed:
        return NodeFailed(self._blueprint.name, node, kind, reason)
