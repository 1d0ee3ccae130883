"""An executed graph in the language of Graphviz."""

from collections.abc import Iterable, Iterator
from typing import Any

_TOLD = ("execTimeMcs", "primitiveType", "outputPrecisions", "originalLayersNames")


def render(layers: Iterable[dict[str, Any]]) -> str:
    """A digraph with a box for each layer and an arrow for each tensor between two."""
    return "\n".join(["digraph executed {", "  node [shape=box];", *_lines(list(layers)), "}", ""])


def _lines(layers: list[dict[str, Any]]) -> Iterator[str]:
    numbers = {layer["name"]: number for number, layer in enumerate(layers)}
    for number, layer in enumerate(layers):
        kind = layer["told"].get("layerType", layer["kind"])
        facts = [f"{name}: {layer['told'][name]}" for name in _TOLD if layer["told"].get(name)]
        yield f"  n{number} [label={_quote(chr(10).join([layer['name'], kind, *facts]))}];"
        for source in layer["from"]:
            yield f"  n{numbers[source]} -> n{number};"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
