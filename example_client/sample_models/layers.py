"""The few layers a ResNet is made of, on OpenVINO's operation set, with seeded He-normal weights.

Every function takes and gives an OpenVINO output (a tensor of the graph). Weights are float32.
"""

from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Convolution:
    """One square convolution: output channels, kernel side, stride, and a gain on He's deviation."""

    channels: int
    kernel: int
    stride: int = 1
    gain: float = 1.0


def parameter(name: str, shape: tuple[int, ...]) -> ov.Node:
    """A float32 graph input of `shape` whose tensor name is `name`."""
    node = ops.parameter(list(shape), np.float32, name=name)
    node.output(0).set_names({name})
    return node


def convolve(source: ov.Node, layer: Convolution, random: np.random.Generator) -> ov.Node:
    """`source` (N, C, H, W) through a convolution with He-normal weights and same padding.

    He et al., "Delving Deep into Rectifiers", 2015: deviation sqrt(2 / fan-in) keeps the variance.
    """
    fan_in = int(source.output(0).get_partial_shape()[1].get_length()) * layer.kernel**2
    shape = (layer.channels, fan_in // layer.kernel**2, layer.kernel, layer.kernel)
    deviation = layer.gain * np.sqrt(2.0 / fan_in)
    weights = (random.standard_normal(shape) * deviation).astype(np.float32)
    pad = layer.kernel // 2
    stride = [layer.stride] * 2
    return ops.convolution(source, ops.constant(weights), stride, [pad] * 2, [pad] * 2, [1, 1])


def linear(source: ov.Node, weights: Weights, bias: Weights) -> ov.Node:
    """`source` (N, features) times `weights` (features, outputs) plus `bias` (outputs)."""
    product = ops.matmul(source, ops.constant(weights), transpose_a=False, transpose_b=False)
    return ops.add(product, ops.constant(bias[np.newaxis, :]))


def result(source: ov.Node, name: str) -> ov.Node:
    """A graph output whose tensor name is `name`."""
    source.output(0).set_names({name})
    return ops.result(source)
