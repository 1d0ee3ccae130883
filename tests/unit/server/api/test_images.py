import io
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from batchwright_server.api import image_files, images
from batchwright_server.errors import InvalidInput
from tests.unit.server.api import samples

ONE = samples.describe(x=(np.float32, (-1, 4, 5, 3))).inputs[0]


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


def test_a_small_file_of_a_large_image_is_refused_before_it_is_decoded() -> None:
    """The header is believed, and no memory is taken for its pixels."""
    header = (60_000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    chunk = b"IHDR" + header
    file = b"\x89PNG\r\n\x1a\n" + len(header).to_bytes(4, "big") + chunk
    file += zlib.crc32(chunk).to_bytes(4, "big") + b"\0\0\0\0IEND\xaeB`\x82"

    with pytest.raises(InvalidInput, match=r"pixels|bomb"):
        images.decode("x", [file], ONE)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((-1, 4, 5, 3), (2, 4, 5, 3)),
        ((-1, 1, 4, 5, 1), (2, 1, 4, 5, 1)),
        ((-1, -1, -1, -1), (2, 7, 6, 1)),
    ],
)
def test_the_tensor_has_the_shape_of_the_input(
    shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """With the dimension in front of a demultiplexer; where any size is taken, in the image's own."""
    tensor = samples.describe(x=(np.uint8, shape)).inputs[0]

    assert images.decode("x", [png(6, 7)] * 2, tensor).shape == expected


def test_without_the_extra_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client learns that this server decodes no images, and which extra would."""
    monkeypatch.setitem(sys.modules, "batchwright_server.api.image_files", None)
    monkeypatch.delattr("batchwright_server.api.image_files", raising=False)

    with pytest.raises(InvalidInput, match="its extra 'images' is not installed"):
        images.decode("x", [png(5, 4)], ONE)


def test_sizes_between_are_mixed_of_the_nearest_pixels() -> None:
    """Twice as wide: a quarter and three quarters between neighbours, the ends as they are."""
    row = np.array([[[0], [100], [200]]], np.uint8)

    assert image_files.resize(row, 1, 6).ravel().tolist() == [0, 25, 75, 125, 175, 200]
    assert image_files.resize(row, 2, 3)[1].ravel().tolist() == [0, 100, 200]
