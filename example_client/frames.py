"""Images and their classes from .npy files, in batches that wrap around."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from example_client import faults

Images = NDArray[np.float32]
Classes = NDArray[np.int64]

_RANK = 4
_BRIGHTEST = 255.0


class Transpose(StrEnum):
    """How the axes of the file are put into the order of the model."""

    NCHW_TO_NHWC = "nchw2nhwc"
    NHWC_TO_NCHW = "nhwc2nchw"


_AXES = {Transpose.NCHW_TO_NHWC: (0, 2, 3, 1), Transpose.NHWC_TO_NCHW: (0, 3, 1, 2)}


@dataclass(frozen=True)
class Frames:
    """Images (n, …), and their classes (n) where known.

    With fewer images than a batch and one more, the file is taken as repeated, doubled until it is
    larger than a batch, as OVMS's client does (there in memory, here by counting).
    """

    images: Images
    classes: Classes | None
    batch_size: int

    def __len__(self) -> int:
        count = len(self.images)
        while count <= self.batch_size:
            count *= 2
        return count

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the images with repetitions."""
        return (len(self), *self.images.shape[1:])

    @property
    def batches(self) -> int:
        """How many whole batches there are before the frames begin again."""
        return len(self) // self.batch_size

    def rows(self, iteration: int) -> NDArray[np.int64]:
        """The numbers of the images in batch `iteration`, counted from 0 without end."""
        start = (iteration % self.batches) * self.batch_size
        return np.arange(start, start + self.batch_size, dtype=np.int64) % len(self.images)

    def expected(self, iteration: int) -> list[int] | None:
        """The classes of batch `iteration`, where they are known."""
        return None if self.classes is None else [int(one) for one in self.classes[self.rows(iteration)]]


def load_images(path: Path) -> Images:
    """The images of a .npy file, shifted to a least value of 0 and scaled to 0..255 over the file.

    Raises ClientError when the file cannot be read or holds no images.
    """
    array = _load(path)
    if array.ndim != _RANK or array.size == 0 or array.dtype.kind not in "fiu":
        wanted = "numbers of shape [n,h,w,c] or [n,c,h,w]"
        raise faults.ClientError(f"{path}: expected {wanted}, found {array.dtype} {list(array.shape)}")
    lowest, span = float(array.min()), float(np.ptp(array))
    if (lowest, span) == (0.0, _BRIGHTEST) and array.dtype == np.float32:
        return array  # already so: keep the file mapped instead of copied
    scale = _BRIGHTEST / span if span else 0.0
    return np.asarray((array - lowest) * scale, np.float32)


def load_classes(path: Path, images: Images) -> Classes:
    """The class numbers of `images`. Raises ClientError unless the file has one for each image."""
    array = _load(path)
    if array.shape != images.shape[:1] or array.dtype.kind not in "iu":
        wanted = f"{len(images)} whole numbers, one for each image"
        raise faults.ClientError(f"{path}: expected {wanted}, found {array.dtype} {list(array.shape)}")
    return array.astype(np.int64)


def transpose(images: Images, order: Transpose) -> Images:
    """The same images with their axes in another order."""
    return images.transpose(_AXES[order])


def _load(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise faults.ClientError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise faults.ClientError(f"{path} is not a .npy file of numbers: {error}") from error
    return array
