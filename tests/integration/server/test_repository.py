"""What OVMS's configuration says of a model's files, shapes and names, seen by a client."""

import json
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from tests.support import foreign_models, models
from tests.support.serving import document, model_config, serve


def images() -> ov.Model:
    """`y` = `x` · [1, 10, 100] for each channel, on float32 [1, 3, 2, 2]."""
    x = ops.parameter([1, 3, 2, 2], np.float32, name="x")
    x.output(0).set_names({"x"})
    factors = np.array([1, 10, 100], np.float32).reshape(1, 3, 1, 1)
    y = ops.multiply(x, ops.constant(factors))
    y.output(0).set_names({"y"})
    return ov.Model([ops.result(y)], [x], "images")


async def test_shape_layout_and_names_are_what_clients_see(tmp_path: Path) -> None:
    """Transposed, reshaped and renamed: the answer is that of the model, in the clients' order."""
    folder = models.save(images(), tmp_path / "images")
    mapping = {"inputs": {"x": "image"}, "outputs": {"y": "scaled"}}
    (folder / "1" / "mapping_config.json").write_text(json.dumps(mapping))
    layout = {"image": "NHWC:NCHW", "scaled": "NHWC:NCHW"}
    config = model_config("m", folder, shape="(-1,4,5,3)", layout=layout, batch_size=8)

    async with serve(tmp_path, document(config)) as serving:
        sent = np.ones((2, 4, 5, 3), np.float32)
        answer = await serving.client.predict("m", image=sent)
        metadata = await serving.client.metadata("m")

    assert np.array_equal(answer["scaled"], sent * [1, 10, 100])
    inputs = metadata.signature_def["serving_default"].inputs
    assert [dim.size for dim in inputs["image"].tensor_shape.dim] == [-1, 4, 5, 3]


async def test_a_size_outside_the_bounds_of_a_shape_is_the_clients_fault(tmp_path: Path) -> None:
    """INVALID_ARGUMENT with what was expected, as for any other wrong shape."""
    config = model_config("m", models.save(images(), tmp_path / "images"), shape="(1,3,2:4,-1)")

    async with serve(tmp_path, document(config)) as serving:
        fits = await serving.client.predict("m", x=np.ones((1, 3, 4, 9), np.float32))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await serving.client.predict("m", x=np.ones((1, 3, 5, 9), np.float32))

    assert fits["y"].shape == (1, 3, 4, 9)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "dimension 2: expected 2 to 4, got 5" in (caught.value.details() or "")


@pytest.mark.parametrize(
    "write",
    [foreign_models.write_onnx, foreign_models.write_saved_model, foreign_models.write_paddle],
)
async def test_models_of_other_frameworks_take_any_batch(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    """They are reloaded for each size like one of OpenVINO's own."""
    version = tmp_path / "model" / "1"
    version.mkdir(parents=True)
    write(version)
    config = model_config("m", version.parent, batch_size="auto")

    async with serve(tmp_path, document(config)) as serving:
        for size in (1, 3, 2):
            answer = await serving.client.predict("m", x=np.ones((size, 4), np.float32))
            assert np.array_equal(answer["y"], np.full((size, 4), 2))
