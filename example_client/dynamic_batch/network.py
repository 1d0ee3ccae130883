"""A model compiled once, for every batch size up to a limit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from batchwright_server.engine import reasons
from example_client import faults
from example_client.dynamic_batch import obstacles

Samples = NDArray[np.generic]


@dataclass(frozen=True)
class Bounded:
    """The compiled model, the largest batch it takes, and what one sample looks like to it."""

    compiled: ov.CompiledModel
    limit: int
    sample_shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    def to_request(self) -> ov.InferRequest:
        """A new infer request."""
        return self.compiled.create_infer_request()

    def infer(self, request: ov.InferRequest, samples: Samples) -> NDArray[np.generic]:
        """The first output for `samples` (n, …). Raises ClientError for more than the limit."""
        self.check_count(len(samples))
        request.infer({0: samples})
        return np.array(request.get_output_tensor(0).data)

    def check_count(self, count: int) -> None:
        """Raises ClientError unless a batch of so many samples fits."""
        if not 1 <= count <= self.limit:
            raise faults.ClientError(
                f"{count} samples: the model is compiled for 1 to {self.limit}; raise the limit with -mb"
            )


def load(path: Path, device: str, limit: int, extension: Path | None = None) -> Bounded:
    """The model of the file `path`. Raises ClientError, with the layer at fault where there is one."""
    core = ov.Core()
    try:
        if extension is not None:
            core.add_extension(str(extension))
        model = core.read_model(path)
    except RuntimeError as error:
        raise faults.ClientError(f"cannot read {path}: {reasons.first_reason(error)}") from error
    if len(model.inputs) != 1:
        raise faults.ClientError(f"{path} has {len(model.inputs)} inputs; expected a model of one")
    obstacles.check(model, limit)
    return _compile(core, model, device, limit)


def _compile(core: ov.Core, model: ov.Model, device: str, limit: int) -> Bounded:
    port = model.inputs[0]
    shape = port.get_partial_shape()
    if any(size.is_dynamic for size in list(shape)[1:]):
        raise faults.ClientError(f"the input has the shape {shape}; expected one size of each sample")
    dtype = np.dtype(port.get_element_type().to_dtype())
    sample = tuple(size.get_length() for size in list(shape)[1:])
    shape[0] = ov.Dimension(1, limit)
    try:
        model.reshape(shape)
        compiled = core.compile_model(model, device, {"PERF_COUNT": True})
    except RuntimeError as error:
        told = reasons.first_reason(error)
        raise faults.ClientError(f"cannot compile for 1 to {limit} samples: {told}") from error
    return Bounded(compiled, limit, sample, dtype)


def executed_graph(bounded: Bounded) -> list[dict[str, Any]]:
    """The layers as the device runs them: name, kind, the names before, and what it tells of each."""
    return [
        {
            "name": node.get_friendly_name(),
            "kind": node.get_type_name(),
            "from": [port.get_source_output().get_node().get_friendly_name() for port in node.inputs()],
            "told": {key: _plain(value) for key, value in node.get_rt_info().items()},
        }
        for node in bounded.compiled.get_runtime_model().get_ordered_ops()
    ]


def _plain(value: Any) -> str:
    return str(getattr(value, "value", value))
