"""YAML as a manifest needs it: plain values, each key once, bounded, dates left as the texts they are.

Every text gives documents or a YAMLError with its place, however hostile it is.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

MAX_BYTES = 1024 * 1024
# A ModelServer with 256 models, every field of each filled in, has less than a tenth of it.
MAX_NODES = 100_000
MAX_DEPTH = 64

_PREFIX = "tag:yaml.org,2002:"
_TIMESTAMP = f"{_PREFIX}timestamp"
_TAGS = frozenset(_PREFIX + name for name in ("null", "bool", "int", "float", "str", "seq", "map"))
_Resolvers = dict[str, list[tuple[str, Any]]]


def load_documents(text: str) -> Iterator[object]:
    """The documents one after the other. Raises YAMLError at the first fault."""
    if len(text) > MAX_BYTES:  # in characters, so never more than in bytes
        raise yaml.YAMLError(f"larger than {MAX_BYTES} bytes; split it into several files")
    loader = _Loader(text)
    try:
        while loader.check_node():
            yield loader.get_data()
    finally:
        loader.dispose()


def _without_timestamps(resolvers: _Resolvers) -> _Resolvers:
    return {
        first: [(tag, pattern) for tag, pattern in rules if tag != _TIMESTAMP]
        for first, rules in resolvers.items()
    }


class _Loader(yaml.SafeLoader):
    """Counts nodes as they will be once aliases are followed, and refuses what a manifest never has."""

    yaml_implicit_resolvers = _without_timestamps(yaml.SafeLoader.yaml_implicit_resolvers)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.name = "the text"  # what errors call it; the file's name is told beside them
        self._nodes = 0
        self._depth = 0
        self._sizes: dict[str, int] = {}  # by anchor

    def compose_document(self) -> yaml.Node | None:
        self._sizes.clear()
        return super().compose_document()

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.NodeEvent = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs
        if isinstance(event, yaml.AliasEvent):
            self._count(self._size_of(event), event)
            return super().compose_node(parent, index)
        before = self._nodes
        self._count(1, event)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _error(f"nested more than {MAX_DEPTH} levels deep", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if event.anchor is not None:
            self._sizes[event.anchor] = self._nodes - before
        return node

    def _size_of(self, event: yaml.AliasEvent) -> int:
        name = event.anchor or ""
        if name in self.anchors and name not in self._sizes:
            raise _error(f"the alias {name!r} is inside of what it names", event.start_mark)
        return self._sizes.get(name, 0)

    def _count(self, nodes: int, event: yaml.NodeEvent) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _error(f"more than {MAX_NODES} values, aliases followed", event.start_mark)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        if node.tag == f"{_PREFIX}map" and not isinstance(node, yaml.MappingNode):
            raise _error("expected a mapping under !!map", node.start_mark)
        if node.tag not in _TAGS:
            raise _error(f"the tag {_short(node.tag)} has no place in a manifest", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError) as error:  # `!!int abc`; a number of thousands of digits
            text = _short(str(node.value))
            raise _error(f"{text} is no {node.tag.removeprefix(_PREFIX)}", node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        twice = sorted(key for key, count in keys.items() if count > 1)
        if twice:  # plain YAML would drop the first
            raise _error(f"key given more than once: {_short(', '.join(twice))}", node.start_mark)
        return super().construct_mapping(node, deep)


def _error(problem: str, mark: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
