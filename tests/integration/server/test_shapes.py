"""`shape: auto` on a real server: whatever shape comes is answered, each compiled for once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from tests.support import models, serving, tfs


def filled(*shape: int) -> tfs.Array:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 97


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    affine = models.save(models.affine(), tmp_path / "affine")
    pair = models.save(models.sum_and_difference(), tmp_path / "pair")
    native = {"strategy": "dynamic"}
    configs = [
        serving.model_config("any", affine, shape="auto"),
        serving.model_config("native", affine, shape="auto", batching=native),
        serving.model_config("half", pair, shape={"a": "auto", "b": "(1,2)"}),
        serving.model_config("both", pair, shape={"a": "auto", "b": "auto"}),
    ]
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


async def reloads(server: serving.Serving, model: str = "any") -> int:
    return (await server.model_signals(model)).counters.reloads


async def test_every_shape_is_answered_and_compiled_once(server: serving.Serving) -> None:
    """Both axes vary; a shape that came before, and the one saved, cost no reload."""
    shapes = [(1, 4), (3, 4), (1, 7), (5, 2), (3, 4), (1, 7)]
    for shape in shapes:
        answer = await server.client.predict("any", x=filled(*shape))
        np.testing.assert_array_equal(answer["y"], 3 * filled(*shape) + 1)

    assert await reloads(server) == 3


async def test_requests_of_one_shape_share_a_reload(server: serving.Serving) -> None:
    """Many clients with a few new shapes cost a reload for each shape, and each gets its own rows."""
    shapes = [(2, 9), (2, 11), (4, 9)] * 8
    answers = await asyncio.gather(*(server.client.predict("any", x=filled(*shape)) for shape in shapes))

    for shape, answer in zip(shapes, answers, strict=True):
        np.testing.assert_array_equal(answer["y"], 3 * filled(*shape) + 1)
    assert await reloads(server) == 3


async def test_compiled_shapes_are_bounded(server: serving.Serving) -> None:
    """No more of them are kept than of batch sizes; one that went is compiled anew."""
    for _ in range(2):
        for width in range(5, 15):
            await server.client.predict("any", x=filled(1, width))
        assert await server.metric("batchwright_compiled_models", model="any") == 4
    assert await server.metric("batchwright_reloads_total", model="any", reason="evicted") >= 1


async def test_metadata_shows_that_any_shape_is_taken(server: serving.Serving) -> None:
    """-1 for every dimension of an input, and for what of the outputs follows from it."""
    signature = (await server.client.metadata("any")).signature_def["serving_default"]

    for info in (signature.inputs["x"], signature.outputs["y"]):
        assert [dim.size for dim in info.tensor_shape.dim] == [-1, -1]
    half = (await server.client.metadata("half")).signature_def["serving_default"]
    assert [dim.size for dim in half.inputs["b"].tensor_shape.dim] == [1, 2]


async def test_native_dynamic_shapes_never_reload(server: serving.Serving) -> None:
    """With batching `dynamic` one compiled model takes every shape."""
    for shape in [(1, 4), (3, 9), (2, 1)]:
        answer = await server.client.predict("native", x=filled(*shape))
        np.testing.assert_array_equal(answer["y"], 3 * filled(*shape) + 1)

    assert await reloads(server, "native") == 0


async def test_one_input_of_several_may_have_any_shape(server: serving.Serving) -> None:
    """The others keep theirs, and the model is compiled for what broadcasts between them."""
    b = np.array([[1, 2]], np.float32)
    answer = await server.client.predict("half", a=filled(4, 2), b=b)

    np.testing.assert_array_equal(answer["sum"], filled(4, 2) + b)
    both = await server.client.predict("both", a=filled(3, 5), b=filled(3, 1))
    np.testing.assert_array_equal(both["difference"], filled(3, 5) - filled(3, 1))
    with pytest.raises(grpc.aio.AioRpcError, match="input 'b': shape: expected"):
        await server.client.predict("half", a=filled(4, 2), b=filled(2, 2))


@pytest.mark.parametrize(
    ("a", "b", "code", "text"),
    [
        ((2, 3), (2, 4), grpc.StatusCode.FAILED_PRECONDITION, "shape a (2,3), b (2,4) cannot be"),
        ((2, 3), (2,), grpc.StatusCode.INVALID_ARGUMENT, "input 'b': rank"),
        ((2, 0), (2, 0), grpc.StatusCode.INVALID_ARGUMENT, "sizes of 1 or more"),
    ],
)
async def test_shapes_that_cannot_be_fail_alone(
    server: serving.Serving, a: tuple[int, ...], b: tuple[int, ...], code: grpc.StatusCode, text: str
) -> None:
    """What the graph does not allow is said, and the next request is answered."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.client.predict("both", a=filled(*a), b=filled(*b))

    assert caught.value.code() is code
    assert text in (caught.value.details() or "")
    answer = await server.client.predict("both", a=filled(2, 3), b=filled(2, 3))
    np.testing.assert_array_equal(answer["sum"], 2 * filled(2, 3))
