"""Strings on their way through OpenVINO: as numbers, so that every byte of them survives.

OpenVINO's Python side has strings in numpy's arrays of one width, which lose zeros at an end and give
each string the room of the longest. So a model is compiled with three tensors in place of each input and
output of strings: where each begins, where it ends (int32), and the bytes of all (uint8).
"""

import itertools
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset15 as ops

from batchwright_server import errors
from batchwright_server.core.tensors import MOST_TEXT_BYTES, Tensor, count_bytes, strings
from batchwright_server.engine.reasons import Unsuitable

PARTS = 3  # tensors in place of one of strings
# What OpenVINO's CPU plugin does to strings without an error. Others that move data (Slice, Split,
# ScatterUpdate …) copy strings as if they were numbers, which ends the process.
_SAFE = (
    "Concat",
    "Constant",
    "Gather",
    "Parameter",
    "Reshape",
    "Result",
    "ShapeOf",
    "Squeeze",
    "StringTensorPack",
    "StringTensorUnpack",
    "Transpose",
    "Unsqueeze",
)


def check_operations(model: ov.Model) -> None:
    """Raise Unsuitable for an operation of OpenVINO's own that cannot be trusted with strings."""
    for node in model.get_ops():
        info = node.get_type_info()
        is_own = str(info.version_id).startswith("opset")
        if is_own and info.name not in _SAFE and any(map(is_text, [*node.inputs(), *node.outputs()])):
            raise Unsuitable(
                f"operation {info.name} {node.get_friendly_name()!r} works on strings, which OpenVINO "
                f"does not do safely; operations on strings may be {', '.join(_SAFE)}"
            )


def is_text(port: Any) -> bool:
    """Whether strings are what an input or output has."""
    return bool(port.get_element_type() == ov.Type.string)


def take_apart(model: ov.Model) -> None:
    """Put three tensors of numbers in the place of each of strings; they come after all others."""
    for parameter in model.get_parameters():
        if is_text(parameter.output(0)):
            _replace_input(model, parameter)
    for result in model.get_results():
        if is_text(source := result.input_value(0)):
            model.remove_result(result)
            parts = ops.string_tensor_unpack(source)
            model.add_results([ops.result(parts.output(part)) for part in range(PARTS)])
    model.validate_nodes_and_infer_types()


def to_parts(texts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where each string begins, where it ends, and the bytes of all. Raises InferenceFailed."""
    size = count_bytes(texts)
    if size > MOST_TEXT_BYTES:
        raise errors.InferenceFailed(f"{size} bytes of strings, more than {MOST_TEXT_BYTES} in a tensor")
    elements: list[bytes] = texts.ravel().tolist()
    ends = np.fromiter(itertools.accumulate(map(len, elements)), np.int32, len(elements))
    begins = np.concatenate([np.zeros(1, np.int32), ends[:-1]])
    characters = np.frombuffer(bytearray().join(elements), np.uint8)
    return begins.reshape(texts.shape), ends.reshape(texts.shape), characters


def from_parts(begins: Tensor, ends: Tensor, characters: Tensor) -> Tensor:
    """The strings. Raises InferenceFailed for those that lie outside of the bytes."""
    content = characters.tobytes()
    if begins.size and (begins.min() < 0 or ends.max() > len(content) or (begins > ends).any()):
        raise errors.InferenceFailed("the model gave strings that lie outside of their bytes")
    places = zip(begins.ravel().tolist(), ends.ravel().tolist(), strict=True)
    return strings([content[begin:end] for begin, end in places]).reshape(begins.shape)


def _replace_input(model: ov.Model, parameter: Any) -> None:
    shape = parameter.get_partial_shape()
    places = [ops.parameter(shape, ov.Type.i32) for _ in ("begins", "ends")]
    parts = [*places, ops.parameter([-1], ov.Type.u8)]
    texts = ops.string_tensor_pack(*parts)
    for target in parameter.output(0).get_target_inputs():
        target.replace_source_output(texts.output(0))
    model.remove_parameter(parameter)
    model.add_parameters(parts)
