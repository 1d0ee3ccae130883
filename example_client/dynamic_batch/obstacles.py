"""What in a model's graph stands against other batch sizes, by the name of the layer."""

from typing import Any

import openvino as ov

from batchwright_server.engine import reasons
from example_client import faults

_ABOUT_SHAPES = frozenset({"ShapeOf", "Parameter", "Constant", "Result"})


def check(model: ov.Model, limit: int) -> None:
    """Leaves `model` at batch `limit`. Raises ClientError with the layer that does not allow it.

    Shapes are compared at two batch sizes, since a layer may take any batch and give always the same.
    """
    least = _shapes(model, 1)
    most = _shapes(model, limit)
    if limit == 1 or all(_grows(node, least, most) for node in model.get_results()):
        return
    for node in model.get_ordered_ops():
        if node.get_type_name() not in _ABOUT_SHAPES and _drops(node, least, most):
            told = f"layer {node.get_type_name()} {node.get_friendly_name()!r}"
            raise faults.ClientError(f"{told} gives the same shape whatever the batch size is")
    raise faults.ClientError("the model's output has no batch dimension")


def _shapes(model: ov.Model, batch: int) -> dict[str, list[list[int]]]:
    """The shapes of each layer's outputs at this batch size."""
    port = model.inputs[0]
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic or len(shape) == 0:
        raise faults.ClientError(f"the input has the shape {shape}; expected a batch dimension first")
    shape[0] = batch
    try:
        model.reshape(shape)
    except RuntimeError as error:
        raise faults.ClientError(reasons.name_obstacle(error)) from error
    return {
        node.get_name(): [_sizes(port.get_partial_shape()) for port in node.outputs()]
        for node in model.get_ordered_ops()
    }


def _sizes(shape: Any) -> list[int]:
    if shape.rank.is_dynamic:
        return []
    return [-1 if size.is_dynamic else size.get_length() for size in shape]


def _grows(node: Any, least: dict[str, Any], most: dict[str, Any]) -> bool:
    return bool(least[node.get_name()] != most[node.get_name()])


def _drops(node: Any, least: dict[str, Any], most: dict[str, Any]) -> bool:
    sources = [port.get_source_output().get_node() for port in node.inputs()]
    return not _grows(node, least, most) and any(_grows(one, least, most) for one in sources)
