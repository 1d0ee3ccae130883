"""Random pipelines that are valid by construction."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from batchwright_server.config.pipelines import REQUEST
from batchwright_server.core.tensors import ANY
from tests.support import graphs
from tests.support.graphs import SAMPLE, Arithmetic, Shape, Story

Level = tuple[str, ...]


@dataclass
class _Draft:
    """What was written so far: nodes, and where each can be read: its level and shard shape."""

    draw: Any
    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, tuple[Level, Shape]] = field(default_factory=dict)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    models: dict[str, Arithmetic] = field(default_factory=dict)


@st.composite
def stories(draw: Any) -> tuple[Story, int]:
    """A pipeline with up to seven nodes, and a number of shards for its request."""
    draft = _Draft(draw)
    is_dynamic = draw(st.booleans())
    count = draw(st.integers(1, 5))
    entry: int | None = None
    if draw(st.booleans()):
        entry = draw(st.sampled_from([0, ANY])) if is_dynamic else count
        draft.counts[REQUEST] = count
    draft.places[REQUEST] = ((REQUEST,) if entry is not None else (), SAMPLE)
    for number in range(draw(st.integers(1, 7))):
        _add_node(draft, f"n{number}", is_dynamic=is_dynamic)
    level = draw(
        st.sampled_from(sorted({place[0] for name, place in draft.places.items() if name != REQUEST}))
    )
    ends = [name for name, place in draft.places.items() if place[0] == level and name != REQUEST]
    chosen = draw(st.lists(st.sampled_from(ends), min_size=1, max_size=2, unique=True))
    kept = _ancestors(draft, chosen)
    outputs = [graphs.source(f"from {name}", name, "y") for name in chosen]
    nodes = [plain for plain in draft.nodes if plain["name"] in kept]
    config = graphs.pipeline(nodes, outputs, demultiply_count=entry)
    return Story(config, {name: draft.models[name] for name in kept}), count


def _add_node(draft: _Draft, name: str, *, is_dynamic: bool) -> None:
    draw = draft.draw
    first = draw(st.sampled_from(sorted(draft.places)))
    level = draft.places[first][0]
    same = sorted(other for other, place in draft.places.items() if place[0] == level)
    chosen = [first, *draw(st.lists(st.sampled_from(same), max_size=2))]
    gathered = level[-1] if level and draw(st.booleans()) else None
    keys: dict[str, Any] = {} if gathered is None else {"gather_from_node": gathered}
    run = level[:-1] if gathered else level
    copies = draw(st.integers(1, 3)) if draw(st.booleans()) and _may_split(draft, is_dynamic) else None
    if copies is not None:
        keys["demultiply_count"] = draw(st.sampled_from([0, ANY])) if is_dynamic else copies
        draft.counts[name] = copies
    front = () if gathered is None else (ANY if is_dynamic else draft.counts[gathered],)
    inputs = {f"i{n}": (*front, *draft.places[one][1]) for n, one in enumerate(chosen)}
    draft.models[name] = Arithmetic(
        inputs, draw(st.integers(-3, 3)), copies, ANY if is_dynamic else copies
    )
    draft.places[name] = ((*run, name) if copies is not None else run, SAMPLE)
    items = {f"i{n}": (one, "x" if one == REQUEST else "y") for n, one in enumerate(chosen)}
    draft.nodes.append(graphs.node(name, items, **keys))


def _may_split(draft: _Draft, is_dynamic: bool) -> bool:
    return not draft.counts if is_dynamic else len(draft.counts) < 4


def _ancestors(draft: _Draft, names: list[str]) -> set[str]:
    plain = {node["name"]: node for node in draft.nodes}
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name == REQUEST or name in found:
            continue
        found.add(name)
        for one in plain[name]["inputs"]:
            waiting += [value["node_name"] for value in one.values()]
    return found
