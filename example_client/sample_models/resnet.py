"""ResNet-50 (He et al., "Deep Residual Learning for Image Recognition", 2015) with a random trunk.

The trunk is fixed: seeded He-normal weights, with the residual branches and the shortcut convolutions
damped so that activations keep their scale through 16 blocks without batch normalisation. Only the last
layer is fitted, on the trunk's pooled features: a random convolutional trunk is a good enough feature
map for digits, and the graph costs exactly what ResNet-50 costs.
"""

import numpy as np
import openvino as ov
from openvino import opset1
from openvino import opset13 as ops

from example_client.sample_models import layers

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


def build_trunk() -> ov.Model:
    """The network from an image (1, 3, 224, 224), values 0..255, to pooled features (1, 2048)."""
    image = layers.parameter(INPUT_NAME, (1, *IMAGE_SHAPE))
    return ov.Model([layers.result(_features(image), "features")], [image], "resnet50-trunk")


def build_classifier(weights: layers.Weights, bias: layers.Weights) -> ov.Model:
    """The whole network: probabilities (1, 1000) from an image, with this last layer."""
    image = layers.parameter(INPUT_NAME, (1, *IMAGE_SHAPE))
    logits = layers.linear(_features(image), weights, bias)
    probabilities = ops.softmax(logits, axis=1)
    return ov.Model([layers.result(probabilities, OUTPUT_NAME)], [image], "resnet50")


def _features(image: ov.Node) -> ov.Node:
    random = np.random.default_rng(_SEED)
    scaled = ops.divide(image, ops.constant(np.float32(255.0)))
    current = ops.relu(layers.convolve(scaled, layers.Convolution(64, 7, stride=2), random))
    current = opset1.max_pool(current, [2, 2], [1, 1], [1, 1], [3, 3])  # today's gives indices too
    for width, blocks, stride in _STAGES:
        for index in range(blocks):
            current = _bottleneck(current, width, stride if index == 0 else 1, random)
    pooled = ops.reduce_mean(current, ops.constant(np.array([2, 3])), keep_dims=False)
    return pooled


def _bottleneck(source: ov.Node, width: int, stride: int, random: np.random.Generator) -> ov.Node:
    channels = width * _EXPANSION
    branch = ops.relu(layers.convolve(source, layers.Convolution(width, 1), random))
    branch = ops.relu(layers.convolve(branch, layers.Convolution(width, 3, stride), random))
    branch = layers.convolve(branch, layers.Convolution(channels, 1, gain=_BRANCH_GAIN), random)
    shortcut = source
    if int(source.output(0).get_partial_shape()[1].get_length()) != channels:
        projection = layers.Convolution(channels, 1, stride, gain=_SHORTCUT_GAIN)
        shortcut = layers.convolve(source, projection, random)
    return ops.relu(ops.add(branch, shortcut))
