"""Scikit-learn's bundled handwritten digits as ResNet images, and the classifier layer fitted on them."""

from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import train_test_split

from example_client.sample_models import layers, resnet

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_SIDE = 8  # the bundled images are 8 x 8, grey, 0..16
_SHARPNESS = 10.0  # ridge scores lie in about -1..1; the softmax needs a wider range to be decided
_NEVER = -50.0  # the bias of the classes that are no digit


@dataclass(frozen=True)
class Digits:
    """Images (n, 8, 8) in 0..16 and their classes (n), split once and for all by a fixed seed."""

    train_images: NDArray[np.float64]
    train_classes: NDArray[np.int64]
    held_out_images: NDArray[np.float64]
    held_out_classes: NDArray[np.int64]


def load() -> Digits:
    """The bundled set, a quarter of it held out, stratified by class."""
    bunch = load_digits()
    parts = train_test_split(
        bunch.images, bunch.target, test_size=0.25, random_state=0, stratify=bunch.target
    )
    return Digits(parts[0], parts[2], parts[1], parts[3])


def to_image(digit: NDArray[np.float64]) -> NDArray[np.float32]:
    """One 8 x 8 digit as an image (3, 224, 224) with values 0..255."""
    zoom = resnet.IMAGE_SHAPE[1] // _SIDE
    grey = np.kron(digit * (255.0 / 16.0), np.ones((zoom, zoom)))
    return np.repeat(grey[np.newaxis].astype(np.float32), 3, axis=0)


@dataclass(frozen=True)
class ClassifierLayer:
    """The last layer (2048 -> 1000), which standardises the features as well."""

    weights: layers.Weights
    bias: layers.Weights


def fit_classifier(features: NDArray[np.float32], classes: NDArray[np.int64]) -> ClassifierLayer:
    """Ridge regression on standardised `features` (n, 2048), folded into one linear layer."""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-6
    ridge = RidgeClassifier(alpha=10.0).fit((features - mean) / deviation, classes)
    weights = np.zeros((resnet.FEATURES, resnet.CLASSES), np.float32)
    bias = np.full(resnet.CLASSES, _NEVER, np.float32)
    scaled = _SHARPNESS * ridge.coef_ / deviation
    weights[:, : len(NAMES)] = scaled.T
    bias[: len(NAMES)] = _SHARPNESS * ridge.intercept_ - scaled @ mean
    return ClassifierLayer(weights, bias)


def run_batch_one(compiled: ov.CompiledModel, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The single output (width,) of a batch-1 model for one image."""
    return np.asarray(compiled(image[np.newaxis])[0][0])
