"""The order of dimensions in which clients have tensors whose first dimension they put elsewhere."""

from collections.abc import Iterable, Mapping

import numpy as np

from batchwright_server.core.tensors import Tensor, Tensors, TensorSpec


def from_clients(specs: Iterable[TensorSpec], tensors: Tensors) -> Tensors:
    """Clients' tensors in the order of `specs`, as views; what cannot be in that order, as it is."""
    moved = {spec.name: spec for spec in specs if spec.client_axis}
    if not moved:
        return tensors
    return {name: _to_front(moved.get(name), tensor) for name, tensor in tensors.items()}


def to_clients(specs: Iterable[TensorSpec], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors in the order of `specs` as clients have them."""
    axes: Mapping[str, int] = {spec.name: spec.client_axis for spec in specs if spec.client_axis}
    return tensors | {name: np.moveaxis(tensors[name], 0, axis) for name, axis in axes.items()}


def _to_front(spec: TensorSpec | None, tensor: Tensor) -> Tensor:
    if spec is None or tensor.ndim != len(spec.shape):
        return tensor
    return np.moveaxis(tensor, spec.client_axis, 0)
