"""Checks of a request's tensors against a pipeline's inputs."""

from batchwright_server.config.pipelines import MAX_SHARDS, REQUEST
from batchwright_server.core.dag.blueprint import Blueprint
from batchwright_server.core.dag.interfaces import TensorType, fits
from batchwright_server.core.tensors import Tensor, Tensors, format_shape, name_dtype
from batchwright_server.errors import InvalidInput


def check_request(blueprint: Blueprint, inputs: Tensors) -> None:
    """Raise InvalidInput naming the first input that does not fit."""
    if missing := sorted(blueprint.inputs.keys() - inputs.keys()):
        raise InvalidInput("inputs", f"an input named {missing[0]!r}", f"{sorted(inputs)}")
    if inputs.keys() != blueprint.inputs.keys():
        raise InvalidInput("inputs", f"exactly {sorted(blueprint.inputs)}", f"{sorted(inputs)}")
    for name, wanted in blueprint.inputs.items():
        _check_tensor(name, wanted, inputs[name])
    if REQUEST in blueprint.counts:
        _check_shards(inputs)


def samples_in(inputs: Tensors) -> int:
    """How many samples a request has, for statistics: the first dimension of its first input."""
    first = next(iter(inputs.values()))
    return int(first.shape[0]) if first.ndim else 1


def _check_tensor(name: str, wanted: TensorType, tensor: Tensor) -> None:
    if tensor.dtype != wanted.dtype:
        raise InvalidInput(f"input {name!r}: dtype", name_dtype(wanted.dtype), name_dtype(tensor.dtype))
    shape, came = format_shape(wanted.shape), format_shape(tensor.shape)
    if tensor.ndim != len(wanted.shape):
        expected = f"{len(wanted.shape)}, shape {shape}"
        raise InvalidInput(f"input {name!r}: rank", expected, f"{tensor.ndim}, shape {came}")
    if not fits(wanted.shape, tensor.shape):
        raise InvalidInput(f"input {name!r}: shape", shape, came)


def _check_shards(inputs: Tensors) -> None:
    counts = {name: tensor.shape[0] for name, tensor in inputs.items()}
    first = next(iter(counts.values()))
    for name, count in counts.items():
        if count > MAX_SHARDS:
            expected = f"at most {MAX_SHARDS}, which a demultiplexer can split"
            raise InvalidInput(f"input {name!r}: first dimension", expected, str(count))
        if count != first:
            expected = f"{first}, as in the other inputs, to demultiply them together"
            raise InvalidInput(f"input {name!r}: first dimension", expected, str(count))
