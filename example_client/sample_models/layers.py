"""The few layers a ResNet is made of, on OpenVINO's operation set, with seeded He-normal weights.

Every function takes and gives an OpenVINO output (a tensor of the graph). Weights are float32.
"""

from collections.abc import Callable
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


Convolve = Callable[[ov.Node, Convolution, np.random.Generator], ov.Node]
"""A way to put a convolution behind `source`, its weights drawn from the generator."""


def parameter(name: str, shape: tuple[int, ...]) -> ov.Node:
    """A float32 graph input of `shape` whose tensor name is `name`."""
    node = ops.parameter(list(shape), np.float32, name=name)
    node.output(0).set_names({name})
    return node


def draw_weights(source: ov.Node, layer: Convolution, random: np.random.Generator) -> Weights:
    """He-normal weights (output channels, input channels, kernel, kernel) for `layer` behind `source`.

    He et al., "Delving Deep into Rectifiers", 2015: deviation sqrt(2 / fan-in) keeps the variance.
    """
    channels = channels_of(source)
    deviation = layer.gain * np.sqrt(2.0 / (channels * layer.kernel**2))
    shape = (layer.channels, channels, layer.kernel, layer.kernel)
    return np.asarray(random.standard_normal(shape) * deviation, np.float32)


def convolve(source: ov.Node, layer: Convolution, random: np.random.Generator) -> ov.Node:
    """`source` (N, C, H, W) through a float convolution with same padding."""
    return convolve_with(source, ops.constant(draw_weights(source, layer, random)), layer)


def convolve_with(source: ov.Node, weights: ov.Node, layer: Convolution) -> ov.Node:
    """`source` (N, C, H, W) through a convolution with these weights and same padding."""
    pad, stride = [layer.kernel // 2] * 2, [layer.stride] * 2
    return ops.convolution(source, weights, stride, pad, pad, [1, 1])


def linear(source: ov.Node, weights: Weights, bias: Weights) -> ov.Node:
    """`source` (N, features) times `weights` (features, outputs) plus `bias` (outputs)."""
    product = ops.matmul(source, ops.constant(weights), transpose_a=False, transpose_b=False)
    return ops.add(product, ops.constant(bias[np.newaxis, :]))


def result(source: ov.Node, name: str) -> ov.Node:
    """A graph output whose tensor name is `name`."""
    source.output(0).set_names({name})
    return ops.result(source)


def channels_of(source: ov.Node) -> int:
    """How many channels `source` (N, C, …) has."""
    return int(source.output(0).get_partial_shape()[1].get_length())
