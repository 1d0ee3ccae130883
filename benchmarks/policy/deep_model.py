"""A network that is quick to infer and slow to compile: hundreds of small layers in a row."""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from example_client.sample_models import layers

BLOCKS = 800
CHANNELS = 32
SIDE = 8
_SEED = 3
_GAIN = 0.3  # keeps activations from growing over so many residual blocks


def build() -> ov.Model:
    """Means (1, 32) of an image (1, 32, 8, 8) after 800 residual blocks with seeded weights."""
    random = np.random.default_rng(_SEED)
    source = layers.parameter("input", (1, CHANNELS, SIDE, SIDE))
    current = source
    for _ in range(BLOCKS):
        branch = layers.convolve(current, layers.Convolution(CHANNELS, 1, gain=_GAIN), random)
        current = ops.add(current, ops.tanh(branch))
    means = ops.reduce_mean(current, ops.constant(np.array([2, 3])), keep_dims=False)
    return ov.Model([layers.result(means, "means")], [source], "deep")


def save(root: Path) -> None:
    """The network as version 1 of the model in `root`, unless it is there."""
    target = root / "1" / "model.xml"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        ov.save_model(build(), target)
