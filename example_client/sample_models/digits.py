"""Scikit-learn's bundled handwritten digits, split once and for all, and as images of ResNet's size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PIXELS = 64

_SIDE = 8  # the bundled images are 8 x 8, grey
_BRIGHTEST = 16.0
_IMAGE_SIDE = 224


@dataclass(frozen=True)
class Digits:
    """Images (n, 8, 8) in 0..16 and their classes (n)."""

    images: NDArray[np.float64]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.classes)

    def first(self, count: int) -> "Digits":
        """The first `count` of them."""
        return Digits(self.images[:count], self.classes[:count])


@dataclass(frozen=True)
class Split:
    """What the models learn from, and what they are judged on."""

    training: Digits
    held_out: Digits


def load() -> Split:
    """The bundled set, a quarter of it held out, stratified by class; the same split every time."""
    bunch = load_digits()
    parts = train_test_split(
        bunch.images, bunch.target, test_size=0.25, random_state=0, stratify=bunch.target
    )
    return Split(Digits(parts[0], parts[2]), Digits(parts[1], parts[3]))


def to_image(digit: NDArray[np.float64]) -> NDArray[np.float32]:
    """One 8 x 8 digit as an image (3, 224, 224) with values 0..255."""
    zoom = _IMAGE_SIDE // _SIDE
    grey = np.kron(digit * (255.0 / _BRIGHTEST), np.ones((zoom, zoom)))
    return np.repeat(grey[np.newaxis].astype(np.float32), 3, axis=0)


def to_images(digits: NDArray[np.float64]) -> NDArray[np.float32]:
    """Digits (n, 8, 8) as images (n, 3, 224, 224) with values 0..255."""
    return np.stack([to_image(digit) for digit in digits])


def to_pixels(digits: NDArray[np.float64]) -> NDArray[np.float32]:
    """Digits (n, 8, 8) as rows (n, 64) with values 0..1."""
    return (digits.reshape(-1, PIXELS) / _BRIGHTEST).astype(np.float32)
