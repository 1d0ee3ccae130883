"""Preprocessing on a real server: what clients send reaches the model as the configuration says."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from batchwright_server.config.preprocessing import COLORS, PRECISIONS
from batchwright_server.engine import preprocessing
from tests.support import models, serving, tfs


def doubled(height: int = 4, width: int = 6) -> ov.Model:
    """`y` = 2 · `x` on float32 [1, 3, height, width]."""
    x = ops.parameter([1, 3, height, width], np.float32, name="x")
    x.output(0).set_names({"x"})
    y = ops.multiply(x, ops.constant(np.float32(2)))
    y.output(0).set_names({"y"})
    return ov.Model([ops.result(y)], [x], "doubled")


def pixels(*shape: int) -> tfs.Array:
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


async def ask(tmp_path: Path, x: tfs.Array, **keys: Any) -> tfs.Array:
    """What a server with a model of these keys answers."""
    folder = models.save(doubled(), tmp_path / "doubled")
    config = serving.document(serving.model_config("m", folder, batch_size="auto", **keys))
    async with serving.serve(tmp_path, config) as server:
        return (await server.client.predict("m", x=x))["y"]


def to_nchw(images: tfs.Array) -> tfs.Array:
    return images.transpose(0, 3, 1, 2).astype(np.float32)


async def test_all_of_it_together(tmp_path: Path) -> None:
    """Bytes of BGR images become normalised RGB floats in the model's layout, at any batch size."""
    x = pixels(3, 4, 6, 3)
    answer = await ask(
        tmp_path,
        x,
        layout="NHWC:NCHW",
        color_format="RGB:BGR",
        precision="uint8:fp32",
        mean="[10, 20, 30]",
        scale=[2, 4, 8],
    )

    rgb = to_nchw(x[..., ::-1])
    mean, scale = (np.array(values).reshape(1, 3, 1, 1) for values in ([10, 20, 30], [2, 4, 8]))
    np.testing.assert_allclose(answer, 2 * (rgb - mean) / scale, rtol=1e-6)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"mean": 5}, lambda x: 2 * (x - 5)),
        ({"scale": "4"}, lambda x: 2 * x / 4),
        ({"mean": "[1,2,3]", "layout": "NCHW"}, lambda x: 2 * (x - np.reshape([1, 2, 3], (1, 3, 1, 1)))),
    ],
)
async def test_each_alone(tmp_path: Path, keys: dict[str, Any], expected: Any) -> None:
    """Each key works without the others; one number needs no layout."""
    x = pixels(2, 3, 4, 6).astype(np.float32)

    np.testing.assert_allclose(await ask(tmp_path, x, **keys), expected(x), rtol=1e-6)


async def test_gray_of_a_video_frame(tmp_path: Path) -> None:
    """An NV12 frame is taken in one plane of one and a half times the height."""
    x = np.full((1, 6, 6, 1), 128, np.uint8)  # gray: luma 128, no color

    answer = await ask(tmp_path, x, layout="NHWC:NCHW", color_format="RGB:NV12", precision="UINT8:FP32")

    assert answer.shape == (1, 3, 4, 6)
    np.testing.assert_allclose(answer, 2 * 1.164 * (128 - 16), atol=2)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"mean": "[1,2,3]"}, "mean: which dimension has the channels is not known"),
        ({"color_format": "RGB:BGR"}, "say so with layout"),
        ({"mean": "[1,2]", "layout": "NCHW"}, "cannot be read"),
        ({"precision": "UINT8:UINT8", "scale": 2}, "whole numbers (u8)"),
        ({"precision": "BF16:FP32"}, "clients can send"),
    ],
)
async def test_what_does_not_fit_the_model_is_told(
    tmp_path: Path, keys: dict[str, Any], told: str
) -> None:
    """The model fails with the key and the reason, and the server serves the others."""
    folder = models.save(doubled(), tmp_path / "doubled")
    other = models.save(models.affine(), tmp_path / "affine")
    config = serving.document(
        serving.model_config("m", folder, **keys), serving.model_config("other", other)
    )
    async with serving.serve(tmp_path, config) as server:
        status = (await server.client.status("m")).model_version_status[0].status

        assert told in status.error_message
        await server.client.predict("other", x=np.ones((1, 4), np.float32))


def test_every_name_has_a_counterpart() -> None:
    """What the configuration accepts, the engine knows."""
    assert tuple(preprocessing.TYPES) == PRECISIONS
    assert tuple(preprocessing.FORMATS) == COLORS
