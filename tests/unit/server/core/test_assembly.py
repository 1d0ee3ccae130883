import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core import assembly, demultiply
from batchwright_server.core.assembly import Rows
from batchwright_server.core.cover import Cover
from batchwright_server.core.tensors import Signature, Tensors, TensorSpec

FLOAT = np.dtype(np.float32)
TABLE = TensorSpec("table", FLOAT, (3,), batched=False)
SIGNATURE = Signature(
    (TensorSpec("x", FLOAT, (1, 2)), TensorSpec("n", np.dtype(np.int64), (1,)), TABLE),
    (TensorSpec("y", FLOAT, (1, 2)), TensorSpec("m", np.dtype(np.int64), (1,))),
)


def request(first: int, count: int) -> Tensors:
    """Inputs every row of which is unlike any other."""
    numbers = np.arange(first, first + count)
    x = np.stack([numbers, -numbers], axis=1).astype(np.float32)
    return {"x": x, "n": numbers.astype(np.int64), "table": np.zeros(3, np.float32)}


def infer(shard: demultiply.Shard) -> None:
    shard.outputs["y"][:] = 3 * shard.inputs["x"]
    shard.outputs["m"][:] = shard.inputs["n"] + 1


@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    sizes=st.sets(st.integers(1, 12), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_every_answer_comes_home_to_its_row(counts: list[int], sizes: set[int], order: object) -> None:
    """However many requests share batches of whatever sizes, in whatever order those end."""
    inputs = [request(1000 * index, count) for index, count in enumerate(counts)]
    outputs = [demultiply.allocate_outputs(SIGNATURE.outputs, count) for count in counts]
    parts = [
        Rows(given_, answer, 0, count)
        for given_, answer, count in zip(inputs, outputs, counts, strict=True)
    ]
    pieces = Cover(sizes).pieces(sum(counts))

    batches = [
        assembly.assemble(SIGNATURE, dealt, size) for size, dealt in assembly.divide(parts, pieces)
    ]
    order.shuffle(batches)  # type: ignore[attr-defined]  # random.Random
    for batch in batches:
        assert batch.shard.inputs["x"].shape == (batch.size, 2)
        infer(batch.shard)
        batch.deliver()

    assert sum(batch.padding for batch in batches) == sum(pieces) - sum(counts)
    for given_, answer in zip(inputs, outputs, strict=True):
        np.testing.assert_array_equal(answer["y"], 3 * given_["x"])
        np.testing.assert_array_equal(answer["m"], given_["n"] + 1)


def test_padding_repeats_a_row_of_the_request() -> None:
    """What a batch lacks is no made-up sample, on which a model might fail or be slow."""
    part = Rows(request(5, 2), demultiply.allocate_outputs(SIGNATURE.outputs, 2), 0, 2)

    batch = assembly.assemble(SIGNATURE, [part], 4)

    assert batch.padding == 2
    np.testing.assert_array_equal(batch.shard.inputs["n"], [5, 6, 6, 6])


def test_a_request_that_fills_a_batch_is_not_copied() -> None:
    """Its tensors go to the device as they are, and its answers come to where they belong."""
    inputs = request(0, 6)
    outputs = demultiply.allocate_outputs(SIGNATURE.outputs, 6)

    batch = assembly.assemble(SIGNATURE, [Rows(inputs, outputs, 2, 5)], 3)

    assert np.shares_memory(batch.shard.inputs["x"], inputs["x"])
    assert np.shares_memory(batch.shard.outputs["y"], outputs["y"])
    assert batch.shard.inputs["table"] is inputs["table"]
    assert batch.padding == 0
