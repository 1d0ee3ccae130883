"""KServe v2's descriptions as JSON documents; the gRPC messages have the same fields.

Source: the protocol's page, and its extensions for model configuration, statistics and the repository.
"""

import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence

from batchwright_server.api import kserve_datatypes
from batchwright_server.api.json_fields import Json
from batchwright_server.core.tensors import ANY, TEXT
from batchwright_server.runtime.dataplane import Description, TensorDescription, VersionStatus
from batchwright_server.runtime.servable import State
from batchwright_server.runtime.serving_statistics import Duration, ModelStatistics

_PLATFORM = "openvino"
_EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
_NANOSECONDS = 1e9


def describe_server() -> Json:
    """The server's name and version, and what it has beyond the protocol."""
    version = importlib.metadata.version("batchwright")
    return {"name": "Batchwright", "version": version, "extensions": list(_EXTENSIONS)}


def describe_model(description: Description, versions: Iterable[VersionStatus]) -> Json:
    """A model's inputs and outputs, and which of its versions serve."""
    served = [str(version.version) for version in versions if version.state is State.AVAILABLE]
    return {
        "name": description.model,
        "versions": served,
        "platform": _PLATFORM,
        "inputs": [_describe_tensor(tensor) for tensor in description.inputs],
        "outputs": [_describe_tensor(tensor) for tensor in description.outputs],
    }


def describe_config(description: Description) -> Json:
    """A model's configuration as load generators read it.

    `max_batch_size` above 0 says that the dims are those of one sample, and a client chooses how many.
    """
    tensors = (*description.inputs, *description.outputs)
    batched = all(tensor.spec.batched and tensor.shape[0] == ANY for tensor in tensors)
    max_batch_size = description.max_batch_size if batched else 0
    skipped = 1 if max_batch_size else 0
    return {
        "name": description.model,
        "platform": _PLATFORM,
        "backend": _PLATFORM,
        "max_batch_size": max_batch_size,
        "input": _describe_dims(description.inputs, skipped),
        "output": _describe_dims(description.outputs, skipped),
    }


def describe_statistics(statistics: Iterable[ModelStatistics]) -> Json:
    """What the models did; durations in nanoseconds, `last_inference` in milliseconds since 1970."""
    return {"model_stats": [_describe_statistics(model) for model in statistics]}


def describe_index(
    models: Mapping[str, Sequence[VersionStatus]], *, ready_only: bool
) -> list[dict[str, str]]:
    """Every version of every model, with its state."""
    return [
        {
            "name": name,
            "version": str(version.version),
            "state": _index_state(version),
            "reason": version.error,
        }
        for name, versions in models.items()
        for version in versions
        if version.state is State.AVAILABLE or not ready_only
    ]


def _index_state(version: VersionStatus) -> str:
    if version.state is State.AVAILABLE:
        return "READY"
    return "UNAVAILABLE" if version.error or version.state is not State.LOADING else "LOADING"


def _describe_tensor(tensor: TensorDescription) -> Json:
    datatype = kserve_datatypes.to_name(tensor.spec.dtype)
    return {"name": tensor.spec.name, "datatype": datatype, "shape": list(tensor.shape)}


def _describe_dims(tensors: Iterable[TensorDescription], skipped: int) -> list[Json]:
    return [
        {
            "name": tensor.spec.name,
            "data_type": _config_type(tensor),
            "dims": list(tensor.shape[skipped:]),
        }
        for tensor in tensors
    ]


def _config_type(tensor: TensorDescription) -> str:
    """As a configuration names the element type, which has another word for strings."""
    dtype = tensor.spec.dtype
    return "TYPE_STRING" if dtype == TEXT else f"TYPE_{kserve_datatypes.to_name(dtype)}"


def _describe_statistics(model: ModelStatistics) -> Json:
    none = Duration(model.success.count, 0.0)  # reading and writing messages is not measured
    durations = {
        "success": model.success,
        "fail": model.failure,
        "queue": model.queue,
        "compute_input": none,
        "compute_infer": model.inference,
        "compute_output": none,
    }
    return {
        "name": model.model,
        "version": str(model.version),
        "last_inference": round(model.last_success * 1000),
        "inference_count": model.samples,
        "execution_count": model.executions,
        "inference_stats": {name: _describe_duration(found) for name, found in durations.items()},
    }


def _describe_duration(duration: Duration) -> Json:
    return {"count": duration.count, "ns": round(duration.seconds * _NANOSECONDS)}
