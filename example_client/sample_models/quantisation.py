"""Eight-bit convolutions: what people deploy on CPUs.

Weights are symmetric per output channel; activations pass a FakeQuantize from 0 (they come from a ReLU,
or are pixels) to the largest value seen on a few images, which OpenVINO turns into integer kernels.
"""

from dataclasses import dataclass, field

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from example_client.sample_models import layers, resnet

_LEVELS = 256  # unsigned activations of eight bits
_LARGEST_WEIGHT = 127
_HEADROOM = 1.05  # images that were not seen may reach a little higher


def observe_ranges(images: NDArray[np.float32]) -> tuple[float, ...]:
    """The largest value at the input of every convolution, in the order of the layers.

    `images` is (n, 3, 224, 224); they are run one by one through the float network.
    """
    observer = _Observer()
    image = layers.parameter(resnet.INPUT_NAME, (1, *resnet.IMAGE_SHAPE))
    resnet.features(image, observer.convolve)
    axes = ops.constant(np.arange(4))
    maxima = [ops.reduce_max(source, axes) for source in observer.sources]
    compiled = ov.Core().compile_model(ov.Model(maxima, [image], "ranges"), "CPU")
    seen = [list(compiled(one[np.newaxis]).values()) for one in images]
    return tuple(float(value) for value in np.max(np.array(seen, np.float64), axis=0) * _HEADROOM)


@dataclass
class _Observer:
    """Float convolutions that remember what they read from."""

    sources: list[ov.Node] = field(default_factory=list)

    def convolve(
        self, source: ov.Node, layer: layers.Convolution, random: np.random.Generator
    ) -> ov.Node:
        self.sources.append(source)
        return layers.convolve(source, layer, random)


def quantised(ranges: tuple[float, ...]) -> layers.Convolve:
    """A convolution of eight bits, to be used for as many layers as there are ranges, in their order."""
    remaining = iter(ranges)

    def convolve(source: ov.Node, layer: layers.Convolution, random: np.random.Generator) -> ov.Node:
        low, high = np.float32(0), np.float32(next(remaining))
        activations = ops.fake_quantize(source, low, high, low, high, _LEVELS)
        weights = _eight_bits(layers.draw_weights(source, layer, random))
        return layers.convolve_with(activations, weights, layer)

    return convolve


def _eight_bits(weights: layers.Weights) -> ov.Node:
    """The weights as integers of eight bits, times one scale for each output channel."""
    largest = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    scale = (largest / _LARGEST_WEIGHT).astype(np.float32)
    integers = np.round(weights / scale).astype(np.int8)
    return ops.multiply(ops.convert(ops.constant(integers), np.float32), ops.constant(scale))
