"""Checks of a request's tensors against a model's inputs."""

from batchwright_server.core.tensors import (
    ANY,
    MOST_TEXT_BYTES,
    TEXT,
    Signature,
    Tensor,
    Tensors,
    TensorSpec,
    count_bytes,
    format_shape,
    name_dtype,
)
from batchwright_server.errors import InvalidInput


def check_inputs(signature: Signature, inputs: Tensors, *, max_batch_size: int) -> int:
    """The batch size that all batched inputs agree on. Raises InvalidInput naming the first fault."""
    _check_names(signature, inputs)
    batch_size = 0
    for spec in signature.inputs:
        tensor = inputs[spec.name]
        _check_tensor(spec, tensor)
        if signature.auto and 0 in tensor.shape:
            shape = format_shape(tensor.shape)
            raise InvalidInput(f"input {spec.name!r}: shape", "sizes of 1 or more", shape)
        if not spec.batched:
            continue
        batch_size = batch_size or _check_batch(spec, tensor, max_batch_size)
        if tensor.shape[0] != batch_size:
            other = f"{batch_size} samples, as in the other inputs"
            raise InvalidInput(f"input {spec.name!r}: batch size", other, str(tensor.shape[0]))
    return batch_size or 1


def check_output_filter(signature: Signature, names: tuple[str, ...]) -> None:
    """Raise InvalidInput if `names` has one that is no output of the model."""
    known = [spec.name for spec in signature.outputs]
    for name in names:
        if name not in known:
            raise InvalidInput("output_filter", f"names of outputs {known}", repr(name))


def _check_names(signature: Signature, inputs: Tensors) -> None:
    expected = [spec.name for spec in signature.inputs]
    for name in expected:
        if name not in inputs:
            raise InvalidInput("inputs", f"an input named {name!r}", f"{sorted(inputs)}")
    if len(inputs) != len(expected):
        raise InvalidInput("inputs", f"exactly {expected}", f"{sorted(inputs)}")


def _check_tensor(spec: TensorSpec, tensor: Tensor) -> None:
    if tensor.dtype != spec.dtype:
        raise InvalidInput(
            f"input {spec.name!r}: dtype", name_dtype(spec.dtype), name_dtype(tensor.dtype)
        )
    expected = format_shape(spec.to_client(spec.with_batch(ANY)))
    if tensor.ndim != len(spec.shape):
        raise InvalidInput(
            f"input {spec.name!r}: rank", f"{len(spec.shape)}, shape {expected}", _rank_and_shape(tensor)
        )
    sizes = tensor.shape[1:] if spec.batched else tensor.shape
    if any(want not in (ANY, got) for want, got in zip(spec.sample_shape, sizes, strict=True)):
        got = format_shape(spec.to_client(tensor.shape))
        raise InvalidInput(f"input {spec.name!r}: shape", expected, got)
    for axis, allowed in spec.bounds:
        if tensor.shape[axis] not in allowed:
            place = spec.to_client(tuple(range(tensor.ndim))).index(axis)
            what = f"input {spec.name!r}: dimension {place}"
            raise InvalidInput(what, str(allowed), str(tensor.shape[axis]))
    if spec.dtype == TEXT:
        check_text(spec.name, tensor)


def check_text(name: str, tensor: Tensor) -> None:
    """Raise InvalidInput for strings that no engine takes: none at all, or too long together."""
    if 0 in tensor.shape:
        raise InvalidInput(f"input {name!r}: shape", "sizes of 1 or more", format_shape(tensor.shape))
    if (size := count_bytes(tensor)) > MOST_TEXT_BYTES:
        raise InvalidInput(f"input {name!r}", f"at most {MOST_TEXT_BYTES} bytes of strings", str(size))


def _check_batch(spec: TensorSpec, tensor: Tensor, max_batch_size: int) -> int:
    size = tensor.shape[0]
    if not 1 <= size <= max_batch_size:
        expected = f"1 to {max_batch_size} samples"
        raise InvalidInput(f"input {spec.name!r}: batch size", expected, str(size))
    return int(size)


def _rank_and_shape(tensor: Tensor) -> str:
    return f"{tensor.ndim}, shape {format_shape(tensor.shape)}"
