import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core import demultiply
from batchwright_server.core.tensors import ANY, Signature, TensorSpec

FLOAT = np.dtype(np.float32)


@given(count=st.integers(1, 20), width=st.integers(1, 5))
def test_shards_are_the_rows_in_order_and_gather_themselves(count: int, width: int) -> None:
    """Each shard is a view of its own row, and what it writes is in that row of the gathered tensor."""
    spec = TensorSpec("x", FLOAT, (1, width))
    signature = Signature((spec,), (TensorSpec("y", FLOAT, (1, width)),))
    x = np.arange(count * width, dtype=np.float32).reshape(count, width)
    gathered = demultiply.allocate_outputs(signature.outputs, count)

    shards = list(demultiply.demultiply(signature, {"x": x}, gathered))
    for shard in reversed(shards):  # whatever the order in which they finish
        shard.outputs["y"][:] = -shard.inputs["x"]

    assert len(shards) == count
    assert all(np.shares_memory(shard.inputs["x"], x) for shard in shards)
    np.testing.assert_array_equal(gathered["y"], -x)


def test_inputs_without_a_batch_dimension_go_whole_to_every_shard() -> None:
    """A table that all samples share is not split."""
    table = TensorSpec("table", FLOAT, (3,), batched=False)
    signature = Signature((TensorSpec("x", FLOAT, (1, 2)), table), ())
    inputs = {"x": np.zeros((4, 2), np.float32), "table": np.arange(3, dtype=np.float32)}

    shards = list(demultiply.demultiply(signature, inputs, {}))

    assert [shard.inputs["x"].shape for shard in shards] == [(1, 2)] * 4
    assert all(shard.inputs["table"] is inputs["table"] for shard in shards)


def test_outputs_of_a_shape_known_at_run_time_only_get_no_place() -> None:
    """They are fetched from the engine when the inference is done."""
    found = TensorSpec("boxes", FLOAT, (ANY, 6), batched=False)

    assert list(demultiply.allocate_outputs((found, TensorSpec("y", FLOAT, (1, 2))), 3)) == ["y"]
