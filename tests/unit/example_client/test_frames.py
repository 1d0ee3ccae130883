from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from example_client import faults, frames


def _images(count: int) -> frames.Images:
    return np.arange(count, dtype=np.float32).reshape(count, 1, 1, 1)


@given(st.integers(1, 20), st.integers(1, 40), st.integers(0, 60))
def test_batches_wrap_around(count: int, batch_size: int, iteration: int) -> None:
    """Every batch is whole, in order, and a batch larger than the file repeats the file."""
    source = frames.Frames(_images(count), None, batch_size)

    rows = source.rows(iteration)

    assert len(rows) == batch_size
    assert source.batches >= 1
    assert len(source) > batch_size
    start = iteration % source.batches * batch_size
    assert list(rows) == [row % count for row in range(start, start + batch_size)]


def test_doubled_like_in_memory() -> None:
    """The shape told is that of the images doubled until there are more than a batch has."""
    assert frames.Frames(_images(10), None, 10).shape == (20, 1, 1, 1)
    assert frames.Frames(_images(10), None, 25).shape == (40, 1, 1, 1)
    assert frames.Frames(_images(10), None, 3).shape == (10, 1, 1, 1)


def test_scaling_spans_the_file(tmp_path: Path) -> None:
    """Values are shifted to 0 and scaled to 255 over the whole file."""
    path = tmp_path / "images.npy"
    np.save(path, np.array([-1.0, 0.0, 3.0]).reshape(3, 1, 1, 1))

    assert frames.load_images(path).ravel().tolist() == [0.0, 63.75, 255.0]


def test_scaled_images_stay_as_they_are(tmp_path: Path) -> None:
    """Images that span 0 to 255 already are given bit by bit."""
    pixels = np.array([0.0, 0.1, 255.0], np.float32).reshape(3, 1, 1, 1)
    np.save(tmp_path / "images.npy", pixels)

    assert np.array_equal(frames.load_images(tmp_path / "images.npy"), pixels)


def test_equal_pixels_are_black(tmp_path: Path) -> None:
    """A file of one value has no range to scale, and gives zeros instead of nothing defined."""
    np.save(tmp_path / "images.npy", np.full((2, 1, 1, 1), 7.0))

    assert not frames.load_images(tmp_path / "images.npy").any()


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    """A file that is no array is an error that names the file."""
    path = tmp_path / "broken.npy"
    path.write_bytes(content)

    with pytest.raises(faults.ClientError, match=r"broken\.npy"):
        frames.load_images(path)


def test_classes_must_match_the_images(tmp_path: Path) -> None:
    """Another number of classes than of images is an error that tells both."""
    np.save(tmp_path / "classes.npy", np.arange(3))

    with pytest.raises(faults.ClientError, match=r"expected 4 whole numbers.*\[3\]"):
        frames.load_classes(tmp_path / "classes.npy", _images(4))


def test_transposition_moves_the_channels() -> None:
    """The axes of [n,h,w,c] come in the order [n,c,h,w], and back."""
    images = np.zeros((2, 5, 6, 3), np.float32)

    moved = frames.transpose(images, frames.Transpose.NHWC_TO_NCHW)

    assert moved.shape == (2, 3, 5, 6)
    assert frames.transpose(moved, frames.Transpose.NCHW_TO_NHWC).shape == images.shape
