"""ResNet-50 (He et al., "Deep Residual Learning for Image Recognition", 2015) with a random trunk.

The trunk is fixed: seeded He-normal weights, with the residual branches and the shortcut convolutions
damped so that activations keep their scale through 16 blocks without batch normalisation. Only the last
layer is fitted, on the trunk's pooled features: a random convolutional trunk is a good enough feature
map for digits, and the graph costs exactly what ResNet-50 costs.
"""

from dataclasses import dataclass

import numpy as np
import openvino as ov
from openvino import opset1
from openvino import opset13 as ops

from example_client.sample_models import classifier, layers

INPUT_NAME = "0"
OUTPUT_NAME = "1463"
IMAGE_SHAPE = (3, 224, 224)
FEATURES = 2048
CLASSES = 1000

_SEED = 50
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # bottleneck width, blocks, stride
_EXPANSION = 4
_BRANCH_GAIN = 0.3
_SHORTCUT_GAIN = 0.7


def build_trunk(convolve: layers.Convolve) -> ov.Model:
    """The network from an image (1, 3, 224, 224), values 0..255, to pooled features (1, 2048)."""
    image = layers.parameter(INPUT_NAME, (1, *IMAGE_SHAPE))
    return ov.Model([layers.result(features(image, convolve), "features")], [image], "resnet50-trunk")


def build(convolve: layers.Convolve, last: classifier.ClassifierLayer) -> ov.Model:
    """The whole network: probabilities (1, 1000) from an image, with this last layer."""
    image = layers.parameter(INPUT_NAME, (1, *IMAGE_SHAPE))
    logits = layers.linear(features(image, convolve), last.weights, last.bias)
    # Over the classes, never over the batch: a row's answer must not depend on its neighbours.
    probabilities = ops.softmax(logits, axis=1)
    return ov.Model([layers.result(probabilities, OUTPUT_NAME)], [image], "resnet50")


def features(image: ov.Node, convolve: layers.Convolve) -> ov.Node:
    """Pooled features (1, 2048) of a graph input (1, 3, 224, 224); the same weights every time."""
    return _Trunk(convolve, np.random.default_rng(_SEED)).features(image)


@dataclass(frozen=True)
class _Trunk:
    convolve: layers.Convolve
    random: np.random.Generator  # drawn from in the order of the layers, so a seed is a network

    def features(self, image: ov.Node) -> ov.Node:
        scaled = ops.divide(image, ops.constant(np.float32(255.0)))
        current = self._convolved(scaled, layers.Convolution(64, 7, stride=2))
        current = opset1.max_pool(current, [2, 2], [1, 1], [1, 1], [3, 3])  # today's gives indices too
        for width, blocks, stride in _STAGES:
            for index in range(blocks):
                current = self._bottleneck(current, width, stride if index == 0 else 1)
        return ops.reduce_mean(current, ops.constant(np.array([2, 3])), keep_dims=False)

    def _bottleneck(self, source: ov.Node, width: int, stride: int) -> ov.Node:
        channels = width * _EXPANSION
        branch = self._convolved(source, layers.Convolution(width, 1))
        branch = self._convolved(branch, layers.Convolution(width, 3, stride))
        branch = self.convolve(branch, layers.Convolution(channels, 1, gain=_BRANCH_GAIN), self.random)
        shortcut = source
        if layers.channels_of(source) != channels:
            projection = layers.Convolution(channels, 1, stride, gain=_SHORTCUT_GAIN)
            shortcut = self.convolve(source, projection, self.random)
        return ops.relu(ops.add(branch, shortcut))

    def _convolved(self, source: ov.Node, layer: layers.Convolution) -> ov.Node:
        return ops.relu(self.convolve(source, layer, self.random))
