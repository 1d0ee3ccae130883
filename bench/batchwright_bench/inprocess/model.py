"""A model file, compiled as the command line asks."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import openvino as ov

from batchwright_bench.inprocess.shapes import Shapes


class Hint(StrEnum):
    """What OpenVINO is to be fast at; `none` leaves its properties to the command line."""

    THROUGHPUT = "throughput"
    TPUT = "tput"
    LATENCY = "latency"
    CUMULATIVE = "cumulative_throughput"
    CTPUT = "ctput"
    NONE = "none"


_MODES = {
    Hint.THROUGHPUT: "THROUGHPUT",
    Hint.TPUT: "THROUGHPUT",
    Hint.LATENCY: "LATENCY",
    Hint.CUMULATIVE: "CUMULATIVE_THROUGHPUT",
    Hint.CTPUT: "CUMULATIVE_THROUGHPUT",
}


class Unfit(ValueError):
    """What was asked for does not go with the model; the message says what would."""


@dataclass(frozen=True)
class Wanted:
    """What of the command line is about compiling."""

    model: Path
    device: str = "CPU"
    hint: Hint | None = None
    threads: int | None = None
    streams: str | None = None
    pin: bool | None = None
    requests: int | None = None
    batch: int | None = None
    data_shapes: Mapping[str, Shapes] = field(default_factory=dict)


@dataclass(frozen=True)
class Compiled:
    """The compiled model, and the shapes of each input in turn: as many for each."""

    model: ov.CompiledModel
    shapes: tuple[dict[int, tuple[int, ...]], ...]
    batch_of: tuple[int, ...]

    def count_requests(self, wanted: int | None) -> int:
        """How many infer requests, as asked or as OpenVINO thinks best."""
        return wanted or int(self.model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))


def load(wanted: Wanted) -> Compiled:
    """The model as asked. Raises Unfit."""
    with refusals():
        return _load(wanted)


@contextmanager
def refusals() -> Iterator[None]:
    """What OpenVINO refuses, in its own words. Raises Unfit."""
    try:
        yield
    except (RuntimeError, TypeError) as error:  # TypeError: a number that C++ has no place for
        raise Unfit(f"OpenVINO: {' '.join(str(error).split())[-500:]}") from error


def _load(wanted: Wanted) -> Compiled:
    core = ov.Core()
    model = core.read_model(wanted.model)
    if wanted.batch is not None:
        _set_batch(model, wanted.batch)
    shapes = _data_shapes(model, wanted)
    compiled = core.compile_model(model, wanted.device, _properties(wanted))
    return Compiled(compiled, shapes, tuple(_batch_of(shape) for shape in shapes))


def _properties(wanted: Wanted) -> dict[str, Any]:
    hint = wanted.hint or (Hint.NONE if wanted.streams or wanted.threads else Hint.THROUGHPUT)
    found: dict[str, Any] = {}
    if hint in _MODES:
        found["PERFORMANCE_HINT"] = _MODES[hint]
        if wanted.requests:
            found["PERFORMANCE_HINT_NUM_REQUESTS"] = wanted.requests
    if wanted.streams:
        found["NUM_STREAMS"] = wanted.streams
    if wanted.threads:
        found["INFERENCE_NUM_THREADS"] = wanted.threads
    if wanted.pin is not None:
        found["ENABLE_CPU_PINNING"] = wanted.pin
    return found


def _set_batch(model: ov.Model, batch: int) -> None:
    """Every input with a batch dimension, which is the first here, gets the size."""
    shapes = {}
    for port in model.inputs:
        shape = port.get_partial_shape()
        if shape.rank.is_dynamic or len(shape) == 0:
            raise Unfit(f"-b: input {port.any_name} has the shape {shape}, without a batch dimension")
        shape[0] = batch
        shapes[port] = shape
    model.reshape(shapes)


def _data_shapes(model: ov.Model, wanted: Wanted) -> tuple[dict[int, tuple[int, ...]], ...]:
    """For each turn, the shape of each input by its index."""
    names = [port.get_names() or {port.get_node().get_friendly_name()} for port in model.inputs]
    unknown = {name for name in wanted.data_shapes if name and not any(name in one for one in names)}
    if unknown or ("" in wanted.data_shapes and len(names) > 1):
        known = ", ".join(sorted(one)[0] for one in map(list, names))
        raise Unfit(f"-data_shape: expected shapes of the inputs {known}, by name")
    given = [_given(wanted.data_shapes, one) for one in names]
    turns = max((len(one) for one in given), default=1) or 1
    found = []
    for turn in range(turns):
        ports = enumerate(zip(model.inputs, given, strict=True))
        found.append({index: _shape(port, shapes, turn) for index, (port, shapes) in ports})
    return tuple(found)


def _given(shapes: Mapping[str, Shapes], names: set[str]) -> Shapes:
    return next((found for name, found in shapes.items() if not name or name in names), ())


def _shape(port: Any, given: Shapes, turn: int) -> tuple[int, ...]:
    own = port.get_partial_shape()
    if given:
        shape = given[turn % len(given)]
        if not own.compatible(ov.PartialShape(list(shape))):
            raise Unfit(f"-data_shape: {list(shape)} is none of {own}, the shape of {port.any_name}")
        return shape
    if own.is_dynamic:
        raise Unfit(f"input {port.any_name} has the shape {own}; say with -data_shape what to send")
    return tuple(own.to_shape())


def _batch_of(shapes: dict[int, tuple[int, ...]]) -> int:
    return max((shape[0] for shape in shapes.values() if shape), default=1)
