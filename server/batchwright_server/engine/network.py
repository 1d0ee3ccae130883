"""A model as OpenVINO read it, and what it compiles to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov

from batchwright_server import errors
from batchwright_server.config.mapping import NameMapping
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.plan import Streams
from batchwright_server.core.tensors import ANY, BatchRange, Signature, TensorSpec
from batchwright_server.engine import port_names, preparation
from batchwright_server.engine.infer_request import OpenVinoInferRequest
from batchwright_server.engine.port_names import PortNames

# More requests than streams: a stream finds its next inference waiting and never idles for Python.
_REQUESTS_PER_STREAM = 2
_HINTS = {Streams.ONE: "LATENCY", Streams.OPTIMUM: "THROUGHPUT"}
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
    """A model that can be compiled for any batch size it allows."""

    def __init__(self, device: Device, model: ov.Model, config: ModelConfig, names: PortNames) -> None:
        self._device = device
        self._model = model
        self._config = config
        self.signature = describe(model, names)

    def compile(self, batch: BatchRange, streams: Streams) -> OpenVinoCompiledModel:
        what = f"model {self._config.name!r} at batch size {batch}"
        try:
            model = self._at_batch(batch)
            compiled = self._device.core.compile_model(
                model, self._config.target_device, self._properties(streams)
            )
            return self._with_requests(compiled)
        except RuntimeError as error:
            raise errors.CompilationFailed(what, first_reason(error)) from error

    def _at_batch(self, batch: BatchRange) -> ov.Model:
        model = self._model.clone()
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
            OpenVinoInferRequest(
                compiled.create_infer_request(), self.signature.inputs, self.signature.outputs
            )
            for _ in range(count)
        )
        return OpenVinoCompiledModel(requests, optimum)


def describe(model: ov.Model, names: PortNames | None = None) -> Signature:
    """The model's inputs and outputs, found out by reshaping a copy to a batch of two."""
    known = names or port_names.name_ports(model, NameMapping())
    inputs = tuple(
        _spec(port, name, batched=preparation.has_batch(port))
        for port, name in zip(model.inputs, known.inputs, strict=True)
    )
    outputs = tuple(
        _spec(port, name, batched=True) for port, name in zip(model.outputs, known.outputs, strict=True)
    )
    fault, probe = _probe(model, inputs)
    if probe is None:
        return Signature(inputs, outputs, fault)
    pairs = zip(outputs, probe.outputs, strict=True)
    outputs = tuple(
        TensorSpec(spec.name, spec.dtype, spec.shape, batched=_leads_with_two(port))
        for spec, port in pairs
    )
    return Signature(inputs, outputs, fault)


def first_reason(error: Exception) -> str:
    """OpenVINO's message on one line, without the trail of source files."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception from ")]
    return "; ".join(told)[:500]


def _probe(model: ov.Model, inputs: tuple[TensorSpec, ...]) -> tuple[str, ov.Model | None]:
    if not all(spec.shape for spec in inputs):
        return "an input is a scalar and has no batch dimension", None
    if not any(spec.batched for spec in inputs):
        return "no input has a batch dimension in its layout", None
    copy = model.clone()
    try:
        _reshape(copy, inputs, BatchRange.only(2))
    except RuntimeError as error:
        return f"the graph does not allow another batch size: {first_reason(error)}", None
    return "", copy


def _reshape(model: ov.Model, inputs: tuple[TensorSpec, ...], batch: BatchRange) -> None:
    dimension = ov.Dimension(batch.least, -1 if batch.most is None else batch.most)
    shapes = {}
    for index, (port, spec) in enumerate(zip(model.inputs, inputs, strict=True)):
        sizes = list(port.get_partial_shape())
        shapes[index] = ov.PartialShape([dimension, *sizes[1:]] if spec.batched else sizes)
    model.reshape(shapes)


def _spec(port: Any, name: str, *, batched: bool) -> TensorSpec:
    shape = tuple(ANY if dim.is_dynamic else dim.get_length() for dim in port.get_partial_shape())
    dtype = np.dtype(port.get_element_type().to_dtype())
    return TensorSpec(name, dtype, shape, batched=batched and bool(shape))


def _leads_with_two(port: Any) -> bool:
    shape = port.get_partial_shape()
    return len(shape) > 0 and not shape[0].is_dynamic and shape[0].get_length() == 2


def _static_batch(signature: Signature) -> int:
    sizes = {spec.shape[0] for spec in signature.inputs if spec.batched}
    return sizes.pop() if len(sizes) == 1 else ANY
