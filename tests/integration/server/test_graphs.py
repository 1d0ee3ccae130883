"""Graphs that are not a plain batch in and a plain batch out, on a real server."""

from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from tests.support import models, serving, tfs

STRATEGIES = ["reload", "demultiplex", "dynamic"]


def served(folder: Path, strategy: str) -> dict[str, Any]:
    batching = {"strategy": strategy}
    return serving.document(serving.model_config("m", folder, batching=batching))


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_an_input_that_is_given_back_is_given_back(tmp_path: Path, strategy: str) -> None:
    """Outputs that are inputs, moved or not, have the input's values, and spoil no other output."""
    folder = models.save(models.with_passenger(), tmp_path / "m")
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    async with serving.serve(tmp_path, served(folder, strategy)) as running:
        for shift in range(3):
            number = np.arange(3) + 100 * shift
            answer = await running.client.predict("m", x=x + shift, number=number)
            rest = next(value for name, value in answer.items() if name not in ("y", "square"))
            np.testing.assert_array_equal(answer["y"], 3 * (x + shift))
            np.testing.assert_array_equal(rest, number)
            np.testing.assert_array_equal(answer["square"], (x + shift).reshape(3, 2, 2))


@pytest.mark.parametrize("strategy", ["reload", "dynamic"])
async def test_outputs_that_hold_the_batch_elsewhere_are_right(tmp_path: Path, strategy: str) -> None:
    """Flattened, turned and constant outputs are answered as the graph says, at any batch size."""
    folder = models.save(models.odd_outputs(), tmp_path / "m")
    async with serving.serve(tmp_path, served(folder, strategy)) as running:
        for size in (1, 3, 2):
            x = np.arange(4 * size, dtype=np.float32).reshape(size, 4)
            answer = await running.client.predict("m", x=x)
            np.testing.assert_array_equal(answer["flat"], x.ravel())
            np.testing.assert_array_equal(answer["turned"], x.T)
            np.testing.assert_array_equal(answer["pair"], [1, 1])


async def test_outputs_that_hold_the_batch_elsewhere_are_not_gathered(tmp_path: Path) -> None:
    """A demultiplexer of such a model is refused, naming the output."""
    folder = models.save(models.odd_outputs(), tmp_path / "m")
    async with serving.serve(tmp_path, served(folder, "demultiplex")) as running:
        status = (await running.client.status("m")).model_version_status[0]

    assert "output 'flat' has no batch dimension" in status.status.error_message


@pytest.mark.parametrize("strategy", [*STRATEGIES, "fixed"])
async def test_inputs_without_a_batch_dimension_are_shared_by_all_samples(
    tmp_path: Path, strategy: str
) -> None:
    """A table and a scalar beside the batch go to every sample as they are."""
    folder = models.save(models.with_table(), tmp_path / "m")
    table, bias = np.arange(20, dtype=np.float32).reshape(4, 5), np.array(7, np.float32)
    async with serving.serve(tmp_path, served(folder, strategy)) as running:
        for size in (1,) if strategy == "fixed" else (1, 3):
            x = np.arange(4 * size, dtype=np.float32).reshape(size, 4)
            answer = await running.client.predict("m", x=x, table=table, bias=bias)
            np.testing.assert_array_equal(answer["y"], x @ table + 7)


async def test_a_size_the_graph_does_not_allow_is_refused_at_load(tmp_path: Path) -> None:
    """A fixed batch size that cannot be had is a fault of the configuration, not of each request."""
    folder = models.save(models.constant_batch(), tmp_path / "m")
    own = serving.document(serving.model_config("m", folder, batch_size=1))
    async with serving.serve(tmp_path, own) as running:
        await running.client.predict("m", x=np.zeros((1, 4), np.float32))
        status, body = await running.reload(
            serving.document(serving.model_config("m", folder, batch_size=8))
        )
        assert (status, "Reshape" in body["error"]) == (400, True)
        with pytest.raises(grpc.aio.AioRpcError, match="expected 1 samples, got 8"):
            await running.client.send(tfs.predict_request("m", x=np.zeros((8, 4), np.float32)))


async def test_a_model_saved_for_any_batch_size_takes_any(tmp_path: Path) -> None:
    """Without a word about batching, the size it was saved with counts, also where that is open."""
    folder = models.save(models.open_batch(), tmp_path / "m")
    async with serving.serve(tmp_path, serving.document(serving.model_config("m", folder))) as running:
        for size in (1, 5):
            x = np.ones((size, 4), np.float32)
            np.testing.assert_array_equal((await running.client.predict("m", x=x))["y"], 2 * x)
        signature = (await running.client.metadata("m")).signature_def["serving_default"]

    assert signature.inputs["x"].tensor_shape.dim[0].size == -1
