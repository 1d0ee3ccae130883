"""JPEG and PNG images as tensors, as OpenVINO Model Server makes them.

Source: its pages on binary inputs: rows of BGR bytes, for inputs of layout NHWC, resized to the nearest
size that the input has. Where it takes any size, all images of a request must have the same. In front of
a demultiplexer there is one dimension of 1 more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchwright_server.core.tensors import ANY, Tensor, TensorSpec, format_shape
from batchwright_server.errors import InvalidInput
from batchwright_server.runtime.dataplane import TensorDescription

Pixels = NDArray[Any]

MOST_BYTES = 1 << 30  # of a tensor: as much as a message

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_CHANNELS = (1, 3, 4, ANY)
_RANKS = (4, 5)


def is_image(content: bytes | memoryview) -> bool:
    """Whether these bytes begin as a file of an image does."""
    return bytes(content[:8]).startswith(_SIGNATURES)


def are_images(contents: Sequence[bytes], tensor: TensorDescription) -> bool:
    """Whether all of them are images, and the input can be one."""
    return len(tensor.shape) in _RANKS and all(map(is_image, contents))


def decode(field: str, contents: Sequence[bytes], tensor: TensorDescription) -> Tensor:
    """The tensor of these images. Raises InvalidInput."""
    target = _target(field, tensor)
    images: list[Pixels] = []
    for index, content in enumerate(contents):
        image = _read(f"{field}: image {index}", content, target)
        if images and image.shape != images[0].shape:
            sizes = f"{list(images[0].shape)}, as the first (the input takes any size)"
            raise InvalidInput(f"{field}: image {index}", sizes, str(list(image.shape)))
        images.append(image)
        if image.size * len(contents) * tensor.spec.dtype.itemsize > MOST_BYTES:
            raise InvalidInput(field, f"images of {MOST_BYTES} bytes together at most", "more")
    if not images:
        raise InvalidInput(field, "an image for each sample", "none")
    return _to_tensor(images, tensor)


@dataclass(frozen=True)
class _Target:
    """The sizes wanted: from the least to the most, None without a bound; channels 0: any."""

    height: tuple[int, int | None]
    width: tuple[int, int | None]
    channels: int


def _target(field: str, tensor: TensorDescription) -> _Target:
    shape, channels = tensor.shape, tensor.shape[-1] if tensor.shape else 0
    is_demultiplexed = len(shape) == 5 and shape[1] in (1, ANY)
    if not (len(shape) == 4 or is_demultiplexed) or channels not in _CHANNELS:
        expected = "numbers, as only an input of layout NHWC takes images (see the parameter layout)"
        raise InvalidInput(field, expected, f"text or images for {format_shape(shape)}")
    if tensor.spec.dtype.kind not in "fiu":
        raise InvalidInput(field, f"{tensor.spec.dtype.name} values", "text or images")
    last = len(shape)
    height, width = (_bounds(tensor, axis) for axis in (last - 3, last - 2))
    return _Target(height, width, 0 if channels == ANY else channels)


def _bounds(tensor: TensorDescription, axis: int) -> tuple[int, int | None]:
    if tensor.shape[axis] != ANY:
        return tensor.shape[axis], tensor.shape[axis]
    return _range(tensor.spec, axis)


def _range(spec: TensorSpec, axis: int) -> tuple[int, int | None]:
    for bounded, sizes in spec.bounds:
        if bounded == axis:
            return sizes.least, sizes.most
    return 1, None


def _read(field: str, content: bytes, target: _Target) -> Pixels:
    """The image's BGR rows, in its own size or in that of the target."""
    if not is_image(content):
        raise InvalidInput(field, "a JPEG or PNG image", f"{len(content)} other bytes")
    try:
        from batchwright_server.api import image_files  # noqa: PLC0415  an extra
    except ImportError as error:
        expected = "numbers, as this server decodes no images (its extra 'images' is not installed)"
        raise InvalidInput(field, expected, "an image") from error
    try:
        image = image_files.decode(content, target.channels)
    except Exception as error:
        raise InvalidInput(field, "a JPEG or PNG image", str(error)[:200]) from error
    height, width = _clamp(image.shape[0], target.height), _clamp(image.shape[1], target.width)
    if image.shape[:2] == (height, width):
        return image
    return image_files.resize(image, height, width)


def _clamp(size: int, bounds: tuple[int, int | None]) -> int:
    least, most = bounds
    return max(least, size if most is None else min(size, most))


def _to_tensor(images: list[Pixels], tensor: TensorDescription) -> Tensor:
    batch = np.ascontiguousarray(np.stack(images))
    if len(tensor.shape) == 5:
        batch = batch[:, None]
    dtype = tensor.spec.dtype
    if dtype == np.int8:
        batch = batch.clip(max=np.iinfo(np.int8).max)
    return batch.astype(dtype)
