"""The expected answers: OpenVINO run directly, one image at a time, on the images the clients send."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

TOLERANCE = 1e-3
"""The largest difference allowed between two probabilities.

OpenVINO may take other kernels for another batch size, and sums may round otherwise: the difference
between batch 1 and batch 16 is measured at every run (it was 0 on an EPYC with AVX-512, for batches of
1 to 16 and with one stream or two). A row that got another image's answer must not pass, so the
tolerance is also checked to be less than half of the distance between the two images whose answers are
closest (0.005).
"""

_LARGE_BATCH = 16


class UnfitReferenceError(Exception):
    """The expected answers cannot tell right from wrong on this machine."""


@dataclass(frozen=True)
class Expected:
    """Images (n, …), what the model says of each (n, classes), and how sharply that can be judged."""

    images: NDArray[np.float32]
    rows: NDArray[np.float32]
    rounding: float  # the largest difference between the answers in batches of 1 and of 16
    closest: float  # the least distance between two images' answers

    def mismatched(self, indices: NDArray[np.int64], answer: NDArray[Any]) -> int:
        """How many rows of `answer` are not those of the images at `indices`."""
        if answer.shape != (len(indices), self.rows.shape[1]):
            return len(indices)
        difference = np.abs(answer - self.rows[indices]).max(axis=1)
        return int(np.count_nonzero(~(difference <= TOLERANCE)))  # so that NaN does not match


def load(model: Path, images: Path) -> Expected:
    """The expected answers of `model` (an .xml file) for the images of a .npy file.

    Raises UnfitReferenceError when rounding could pass for a mistake, or a mistake for rounding.
    """
    pixels: NDArray[np.float32] = np.load(images, allow_pickle=False)
    network = ov.Core().read_model(model)
    rows = _run(network, pixels, 1)
    whole = len(pixels) // _LARGE_BATCH * _LARGE_BATCH
    rounding = float(np.abs(_run(network, pixels[:whole], _LARGE_BATCH) - rows[:whole]).max())
    expected = Expected(pixels, rows, rounding, _closest(rows))
    if not (rounding <= TOLERANCE and expected.closest > 2 * TOLERANCE):
        raise UnfitReferenceError(
            f"expected the tolerance {TOLERANCE} to be at least the rounding between batches "
            f"({rounding:.2g}) and less than half the distance between two images' answers "
            f"({expected.closest:.2g})"
        )
    return expected


def _run(network: ov.Model, images: NDArray[np.float32], batch: int) -> NDArray[np.float32]:
    shaped = network.clone()
    shaped.reshape([batch, *images.shape[1:]])
    compiled = ov.Core().compile_model(shaped, "CPU")
    parts = [compiled(images[at : at + batch])[0] for at in range(0, len(images), batch)]
    return np.concatenate(parts)


def _closest(rows: NDArray[np.float32]) -> float:
    distances = np.abs(rows[:, np.newaxis] - rows[np.newaxis]).max(axis=2)
    return float(distances[~np.eye(len(rows), dtype=bool)].min())
