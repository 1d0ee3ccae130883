"""A classifier of 64 pixels, built in a moment: for tests, and for trying things out."""

import openvino as ov
from openvino import opset13 as ops

from example_client.sample_models import classifier, digits, layers

INPUT_NAME = "input"
OUTPUT_NAME = "probabilities"


def build() -> ov.Model:
    """Probabilities (1, 10) of the ten digits from their pixels (1, 64), values 0..1."""
    training = digits.load().training
    pixels = digits.to_pixels(training.images)
    last = classifier.fit(pixels, training.classes, outputs=len(digits.NAMES))
    source = layers.parameter(INPUT_NAME, (1, digits.PIXELS))
    probabilities = ops.softmax(layers.linear(source, last.weights, last.bias), axis=1)
    return ov.Model([layers.result(probabilities, OUTPUT_NAME)], [source], "tiny")
