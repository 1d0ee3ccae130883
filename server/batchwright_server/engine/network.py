"""A model as OpenVINO read it, and what it compiles to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import openvino as ov

from batchwright_server import errors
from batchwright_server.config.mapping import NameMapping
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.plan import Streams
from batchwright_server.core.tensors import (
    ANY,
    TEXT,
    AutoShapes,
    BatchRange,
    Compilable,
    InputShapes,
    Signature,
    TensorSpec,
    name_size,
)
from batchwright_server.engine import aliasing, port_names, preparation, reasons, texts
from batchwright_server.engine.infer_request import OpenVinoInferRequest, Wiring
from batchwright_server.engine.port_names import PortNames

# More requests than streams: a stream finds its next inference waiting and never idles for Python.
_REQUESTS_PER_STREAM = 2
_HINTS = {Streams.ONE: "LATENCY", Streams.OPTIMUM: "THROUGHPUT"}
NUMBERS = ("f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "boolean")
CLIENT_TYPES = (*NUMBERS, "string")
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
_STREAM_KEYS = ("PERFORMANCE_HINT", "NUM_STREAMS")


@dataclass(frozen=True)
class OpenVinoCompiledModel:
    """A compiled model with its infer requests."""

    requests: tuple[OpenVinoInferRequest, ...]
    streams: int


@dataclass(frozen=True)
class Device:
    """Where models are compiled, and with what."""

    core: ov.Core
    cores: int  # that inference may use
    cache_dir: str = ""  # for compiled models; empty: none are kept


class OpenVinoNetwork:
    """A model that can be compiled for any batch size, or shape, that it allows."""

    def __init__(
        self, device: Device, prepared: preparation.Prepared, config: ModelConfig, names: PortNames
    ) -> None:
        self._device = device
        self._model = prepared.model
        self._config = config
        self.signature = _in_order(describe(prepared.model, names, prepared.auto), prepared.client_axes)
        self._wiring = Wiring.of(self.signature, aliasing.find_aliases(prepared.model))

    def compile(
        self, size: Compilable, streams: Streams, *, is_exact: bool = False
    ) -> OpenVinoCompiledModel:
        what = f"model {self._config.name!r} at {name_size(size)}"
        try:
            model = self._at(size)
            if self._wiring.has_texts:
                texts.take_apart(model)
            compiled = self._device.core.compile_model(
                model,
                self._config.target_device,
                self._properties(streams) | (EXACT if is_exact else {}),
            )
            return self._with_requests(compiled)
        except (RuntimeError, MemoryError) as error:
            raise reasons.to_failure(what, error) from error

    def _at(self, size: Compilable) -> ov.Model:
        model = self._model.clone()
        if isinstance(size, InputShapes):
            places = [spec.name for spec in self.signature.inputs]
            model.reshape(
                {places.index(name): ov.PartialShape(list(shape)) for name, shape in size.by_input}
            )
            return model
        return self._at_batch(model, size)

    def _at_batch(self, model: ov.Model, batch: BatchRange) -> ov.Model:
        if self.signature.batch_fault or batch == BatchRange.only(_static_batch(self.signature)):
            return model
        _reshape(model, self.signature.inputs, batch)
        return model

    def _properties(self, streams: Streams) -> dict[str, Any]:
        chosen = dict(self._config.properties)
        properties: dict[str, Any] = {}
        if self._config.target_device == "CPU":
            properties = {"INFERENCE_NUM_THREADS": self._device.cores, "ENABLE_CPU_PINNING": False}
        if self._device.cache_dir and self._config.may_cache:
            properties["CACHE_DIR"] = self._device.cache_dir
        if not any(key in chosen for key in _STREAM_KEYS):  # the user's own choice of streams stands
            properties["PERFORMANCE_HINT"] = _HINTS[streams]
        return properties | chosen

    def _with_requests(self, compiled: ov.CompiledModel) -> OpenVinoCompiledModel:
        optimum = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        count = self._config.nireq or _REQUESTS_PER_STREAM * optimum
        requests = tuple(
            OpenVinoInferRequest(compiled.create_infer_request(), self._wiring) for _ in range(count)
        )
        return OpenVinoCompiledModel(requests, optimum)


def describe(
    model: ov.Model, names: PortNames | None = None, auto: AutoShapes | None = None
) -> Signature:
    """The model's inputs and outputs, found out by reshaping copies to batches of two and of three."""
    known = names or port_names.name_ports(model, NameMapping())
    inputs = _describe_inputs(model, known, auto.inputs if auto else known.inputs)
    outputs = tuple(
        _spec(port, name, batched=True) for port, name in zip(model.outputs, known.outputs, strict=True)
    )
    try:
        probes = [_probe(model, inputs, size) for size in PROBES]
    except _NoOtherBatch as fault:
        return Signature(inputs, outputs, str(fault), auto)
    shapes = ([_shape(port) for port in probe.outputs] for probe in probes)
    outputs = tuple(_seen(spec, *pair) for spec, *pair in zip(outputs, *shapes, strict=True))
    return Signature(inputs, outputs, auto=auto)


def _in_order(signature: Signature, axes: Mapping[str, int]) -> Signature:
    """The signature with the places that clients have the batch in."""
    if not axes:
        return signature
    inputs, outputs = (
        tuple(replace(spec, client_axis=axes.get(spec.name, 0)) for spec in specs)
        for specs in (signature.inputs, signature.outputs)
    )
    return replace(signature, inputs=inputs, outputs=outputs)


PROBES = (2, 3)


class _NoOtherBatch(Exception):
    """The model takes no batch size but the one it was saved with; the message says why."""


def _describe_inputs(
    model: ov.Model, names: PortNames, candidates: tuple[str, ...]
) -> tuple[TensorSpec, ...]:
    """Those with as many rows as the first have a batch dimension, unless a layout says otherwise.

    The first is one whose layout has a batch, if there is one.

    Inputs beside those of any shape are no candidates: their first dimension is as it was asked for.
    """
    ports = list(zip(model.inputs, names.inputs, strict=True))
    possible = [port for port, name in ports if name in candidates and preparation.has_batch(port)]
    ranked = [port for port in possible if len(port.get_partial_shape()) > 0]
    named = [port for port in ranked if preparation.names_batch(port)]
    rows = {str(port.get_partial_shape()[0]) for port in (named or ranked)[:1]}
    return tuple(
        _spec(
            port,
            name,
            batched=name in candidates and preparation.has_batch(port) and _rows(port) in rows,
        )
        for port, name in ports
    )


def _rows(port: Any) -> str | None:
    shape = port.get_partial_shape()
    return str(shape[0]) if len(shape) else None


def _probe(model: ov.Model, inputs: tuple[TensorSpec, ...], batch_size: int) -> ov.Model:
    """A copy at a batch size. Raises _NoOtherBatch."""
    if not any(spec.batched for spec in inputs):
        raise _NoOtherBatch("no input has a batch dimension")
    copy = model.clone()
    try:
        _reshape(copy, inputs, BatchRange.only(batch_size))
    except RuntimeError as error:
        raise _NoOtherBatch(reasons.name_obstacle(error)) from error
    return copy


def _seen(spec: TensorSpec, at_two: tuple[int, ...], at_three: tuple[int, ...]) -> TensorSpec:
    """An output by its shapes at two batch sizes.

    Rows that count samples are its first dimension. What changes in another way is known at run time
    only; what does not change has no batch dimension.
    """
    if at_two[:1] + at_three[:1] == PROBES and at_two[1:] == at_three[1:]:
        return spec
    same_rank = len(at_two) == len(at_three)
    shape = tuple(two if two == three else ANY for two, three in zip(at_two, at_three, strict=same_rank))
    return TensorSpec(spec.name, spec.dtype, shape, batched=False)


def _reshape(model: ov.Model, inputs: tuple[TensorSpec, ...], batch: BatchRange) -> None:
    dimension = ov.Dimension(batch.least, -1 if batch.most is None else batch.most)
    shapes = {}
    for index, (port, spec) in enumerate(zip(model.inputs, inputs, strict=True)):
        sizes = list(port.get_partial_shape())
        shapes[index] = ov.PartialShape([dimension, *sizes[1:]] if spec.batched else sizes)
    model.reshape(shapes)


def _spec(port: Any, name: str, *, batched: bool) -> TensorSpec:
    shape = _shape(port)
    element = port.get_element_type()
    if element.get_type_name() not in CLIENT_TYPES:
        what = f"{name!r} has the element type {element.get_type_name()}"
        raise errors.CompilationFailed(what, f"clients can send {', '.join(CLIENT_TYPES)}")
    has_batch = batched and bool(shape)
    bounds = tuple(_bounds(port, first_axis=int(has_batch)))
    return TensorSpec(name, _dtype(element), shape, has_batch, bounds)


def _dtype(element: ov.Type) -> np.dtype[Any]:
    return TEXT if element == ov.Type.string else np.dtype(element.to_dtype())


def _bounds(port: Any, *, first_axis: int) -> Iterator[tuple[int, BatchRange]]:
    """The dimensions from `first_axis` on that are open, but not to every size."""
    for axis, dimension in enumerate(port.get_partial_shape()):
        most = dimension.get_max_length() if dimension.is_dynamic else ANY
        if axis >= first_axis and most != ANY:
            yield axis, BatchRange(dimension.get_min_length(), most)


def _shape(port: Any) -> tuple[int, ...]:
    return tuple(ANY if dim.is_dynamic else dim.get_length() for dim in port.get_partial_shape())


def _static_batch(signature: Signature) -> int:
    sizes = {spec.shape[0] for spec in signature.inputs if spec.batched}
    return sizes.pop() if len(sizes) == 1 else ANY
