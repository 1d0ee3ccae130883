"""The names by which clients know a model's inputs and outputs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import openvino as ov

from batchwright_server.config.mapping import NameMapping


@dataclass(frozen=True)
class PortNames:
    """Names in the model's own order, and clients' names by every name the model has for them."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    known: Mapping[str, str]

    @property
    def twice(self) -> list[str]:
        """Names that two inputs, or two outputs, have."""
        sides = (self.inputs, self.outputs)
        return sorted({name for side in sides for name in side if side.count(name) > 1})

    def resolve(self, name: str) -> str:
        """The clients' name for `name`, which may be the model's own; empty if there is none."""
        if name in self.inputs + self.outputs:
            return name
        return self.known.get(name, "")


def name_ports(model: ov.Model, mapping: NameMapping) -> PortNames:
    """The model's names, in place of which those of the mapping stand."""
    inputs = tuple(_alias(port, mapping.inputs) for port in model.inputs)
    outputs = tuple(_alias(port, mapping.outputs) for port in model.outputs)
    ports = [*zip(model.inputs, inputs, strict=True), *zip(model.outputs, outputs, strict=True)]
    known = {name: alias for port, alias in ports for name in port.get_names()}
    return PortNames(inputs, outputs, known)


def unknown_names(model: ov.Model, mapping: NameMapping) -> tuple[str, ...]:
    """The names in the mapping that the model does not have."""
    sides = ((model.inputs, mapping.inputs), (model.outputs, mapping.outputs))
    return tuple(name for ports, aliases in sides for name in aliases if name not in _all(ports))


def own_name(port: Any) -> str:
    """The name the model was saved with."""
    names = sorted(port.get_names())
    return str(names[0]) if names else str(port.get_node().get_friendly_name())


def _alias(port: Any, aliases: Mapping[str, str]) -> str:
    for name in (own_name(port), *sorted(port.get_names())):
        if name in aliases:
            return aliases[name]
    return own_name(port)


def _all(ports: Iterable[Any]) -> set[str]:
    return {name for port in ports for name in (own_name(port), *port.get_names())}
