"""Every strategy on a real server, over real gRPC, with models that are not the simplest."""

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import openvino as ov
import pytest

from tests.support import models, serving, tfs
from tests.support.polling import eventually

COALESCE = {"coalesce": {"max_batch_size": 8}}
SIZES = {"buckets": {"sizes": [2, 6]}}
WAYS: dict[str, dict[str, Any]] = {
    "reload": {"strategy": "reload"},
    "split": {"strategy": "reload", "reload": {"on_miss": "split"}},
    "dynamic": {"strategy": "dynamic"},
    "dynamic_together": {"strategy": "dynamic"} | COALESCE,
    "demultiplex": {"strategy": "demultiplex"},
    "demultiplex_together": {"strategy": "demultiplex"} | COALESCE,
    "buckets": {"strategy": "buckets"} | SIZES,
    "buckets_together": {"strategy": "buckets"} | SIZES | COALESCE,
}
LAYERS, WIDTH = 24, 256  # slow enough to gather and to queue for
REFUSED = ("dynamic", "buckets", "demultiplex", "reload")


def rows(count: int) -> tfs.Array:
    return np.full((count, WIDTH), 0.5, np.float32)


def serve_all(
    tmp_path: Path, model: ov.Model, ways: Iterable[str] = WAYS, **keys: Any
) -> AbstractAsyncContextManager[serving.Serving]:
    """A server with the model once for each way of batching, under its name."""
    folder = models.save(model, tmp_path / "model")
    configs = [serving.model_config(way, folder, batching=WAYS[way], **keys) for way in ways]
    return serving.serve(tmp_path, serving.document(*configs))


async def test_several_inputs_and_outputs_of_any_type(tmp_path: Path) -> None:
    """Each way of batching gives every client its own rows of every output, in the output's own type."""
    async with serve_all(tmp_path, models.many_types()) as server:

        async def ask(way: str, client: int) -> None:
            size = 1 + client % 7
            ids = 100 * client + np.arange(3 * size, dtype=np.int64).reshape(size, 3)
            image = (ids[:, np.newaxis, :] + np.zeros((1, 2, 1))).astype(np.uint8)
            weight = np.arange(size).astype(np.float16)
            scale = np.full(3, client, np.float32)
            answer = await server.client.predict(way, image=image, ids=ids, weight=weight, scale=scale)
            np.testing.assert_array_equal(answer["bright"], image.astype(np.float32) * scale)
            np.testing.assert_array_equal(answer["next"], ids + 1)
            np.testing.assert_array_equal(answer["heavy"], weight > 2)
            assert answer["next"].dtype == np.int64
            assert answer["heavy"].dtype == np.bool_

        for way in WAYS:
            await asyncio.gather(*(ask(way, client) for client in range(12)))


async def test_a_batch_in_another_place_is_brought_to_the_front(tmp_path: Path) -> None:
    """With OVMS's `layout`, clients send samples first to a model that has them second."""
    layout = {"x": "NC:CN", "y": "NC:CN"}
    async with serve_all(tmp_path, models.batch_last(), layout=layout) as server:
        for way in WAYS:
            for size in (1, 3, 7):
                x = np.arange(4 * size, dtype=np.float32).reshape(size, 4)
                answer = await server.client.predict(way, x=x)
                np.testing.assert_array_equal(answer["y"], 3 * x)


async def failure_of(tmp_path: Path, model: ov.Model, strategy: str) -> str:
    """Why the model is not served by this strategy, as clients are told."""
    folder = models.save(model, tmp_path / "model")
    batching = {"strategy": strategy}
    config = serving.document(serving.model_config("m", folder, batching=batching))
    async with serving.serve(tmp_path, config) as server:
        return (await server.model_signals("m")).error


@pytest.mark.parametrize("strategy", REFUSED)
async def test_an_operation_that_fixes_the_batch_is_named(tmp_path: Path, strategy: str) -> None:
    """A reshape to a constant batch leaves `fixed` alone, and the reason says so."""
    reason = await failure_of(tmp_path, models.constant_batch(), strategy)

    assert f"strategy '{strategy}' for this model cannot be compiled" in reason
    assert "operation Reshape 'Reshape_" in reason
    assert "does not allow another batch size: Requested output shape [1,2,2]" in reason
    assert "only strategy 'fixed' remains, at batch size 1" in reason


@pytest.mark.parametrize("strategy", ["buckets", "demultiplex"])
@pytest.mark.parametrize(
    ("model", "words"),
    [
        (models.total_over_batch, "output 'y' has no batch dimension to gather along"),
        (models.softmax_over_batch, "samples depend on each other: output 'y'"),
    ],
)
async def test_samples_that_cannot_be_told_apart_are_refused(
    tmp_path: Path, strategy: str, model: Any, words: str
) -> None:
    """The output is named, and which strategies remain."""
    reason = await failure_of(tmp_path, model(), strategy)

    assert words in reason
    assert "strategies 'fixed', 'reload' and 'dynamic' remain" in reason


async def test_dependent_samples_are_neither_coalesced_nor_split(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where other strategies would answer wrongly, each request is inferred whole; the log says why."""
    folder = models.save(models.softmax_over_batch(), tmp_path / "model")
    ways = ("split", "dynamic_together")
    configs = [serving.model_config(way, folder, batching=WAYS[way]) for way in ways]
    with caplog.at_level(logging.WARNING):
        async with serving.serve(tmp_path, serving.document(*configs)) as server:

            async def ask(way: str, size: int) -> None:
                x = np.arange(4 * size, dtype=np.float32).reshape(size, 4) / 10
                powers = np.exp(x)
                answer = await server.client.predict(way, x=x)
                np.testing.assert_allclose(answer["y"], powers / powers.sum(axis=0), rtol=1e-5)

            for way in ways:
                await asyncio.gather(*(ask(way, size) for size in (1, 2, 3, 2, 1, 5) * 15))
    told = [record.getMessage() for record in caplog.records]
    assert sum("waits and is not split: samples depend" in text for text in told) == 1
    assert sum("requests are not coalesced: samples depend" in text for text in told) == 1


async def test_dependent_samples_never_share_an_inference(tmp_path: Path) -> None:
    """Not even where many requests wait for one infer request: each is answered as if it were alone."""
    model = models.deep_softmax_over_batch(LAYERS, WIDTH)
    async with serve_all(tmp_path, model, ["dynamic_together"], nireq=1) as server:
        draw = np.random.default_rng(3)
        asked = [draw.random((1 + client % 3, WIDTH), np.float32) for client in range(40)]
        alone = [(await server.client.predict("dynamic_together", x=x))["y"] for x in asked]
        together = await asyncio.gather(*(server.client.predict("dynamic_together", x=x) for x in asked))
        counters = (await server.model_signals("dynamic_together")).counters

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(other["y"], one, rtol=1e-4)
    assert counters.executions == 2 * len(asked)


async def test_a_model_that_rules_out_all_candidates_serves_as_it_was_saved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where candidates are named, a constant batch leaves `fixed` to serve; signals and log say why."""
    folder = models.save(models.constant_batch(), tmp_path / "model")
    batching = {"strategy": "reload", "candidates": ["demultiplex", "dynamic"]}
    config = serving.document(serving.model_config("m", folder, batching=batching))
    with caplog.at_level(logging.WARNING):
        async with serving.serve(tmp_path, config) as server:
            told = await server.model_signals("m")
            shape = (await server.client.metadata("m")).signature_def["serving_default"]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await server.client.predict("m", x=np.zeros((2, 4), np.float32))
            await server.client.predict("m", x=np.zeros((1, 4), np.float32))

    assert told.plan is not None
    assert (told.plan.strategy, told.error) == ("fixed", "")
    assert "does not allow another batch size" in told.fallback
    assert told.fallback.endswith("fixed/one serves")
    assert any(told.fallback in record.getMessage() for record in caplog.records)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [dim.size for dim in shape.inputs["x"].tensor_shape.dim] == [1, 4]


async def test_the_next_candidate_that_the_model_allows_serves(tmp_path: Path) -> None:
    """Samples that depend on each other rule buckets out; another edit of the configuration is taken."""
    folder = models.save(models.softmax_over_batch(), tmp_path / "model")

    def config(most: int) -> dict[str, Any]:
        candidates = {"strategy": "buckets", "candidates": ["demultiplex", "dynamic", "reload"]}
        batching = {**candidates, "max_batch_size": most}
        return serving.document(serving.model_config("m", folder, batching=batching))

    async with serving.serve(tmp_path, config(5)) as server:
        for most in (5, 6):
            assert (await server.reload(config(most)))[0] in (200, 201)
            told = await server.model_signals("m")
            assert told.plan is not None
            assert told.plan.strategy == "dynamic"
            assert "samples depend on each other" in told.fallback
            await server.client.predict("m", x=np.zeros((most, 4), np.float32))


async def test_buckets_pad_and_split_and_count_it(tmp_path: Path) -> None:
    """Seven samples into sizes 2 and 6: one of each, and one sample of padding, seen in the metrics."""
    async with serve_all(tmp_path, models.affine(), ["buckets"]) as server:
        x = np.arange(28, dtype=np.float32).reshape(7, 4)
        answer = await server.client.predict("buckets", x=x)
        told = await server.model_signals("buckets")
        counters = told.counters
        padding = await server.metric("batchwright_padding_samples_total", model="buckets")
        small = await server.metric("batchwright_executed_batch_size_bucket", model="buckets", le="2.0")
        metadata = await server.client.metadata("buckets")

    np.testing.assert_array_equal(answer["y"], 3 * x + 1)
    assert told.bucket_sizes == (2, 6)
    assert answer["y"].shape == (7, 4)
    assert (counters.executions, counters.executed_samples, counters.padding_samples) == (2, 8, 1)
    assert (padding, small) == (1, 1)
    dims = metadata.signature_def["serving_default"].inputs["x"].tensor_shape.dim
    assert [dim.size for dim in dims] == [-1, 4]


async def test_concurrent_requests_share_inferences(tmp_path: Path) -> None:
    """With coalescing, what comes while the device is busy is inferred together, with right answers."""
    ways = ("dynamic", "dynamic_together", "buckets_together")
    async with serve_all(tmp_path, models.deep(LAYERS, WIDTH), ways, nireq=1) as server:
        alone = [await server.client.predict("dynamic", x=rows(1) * client) for client in range(40)]

        async def ask(way: str, client: int) -> None:
            answer = await server.client.predict(way, x=rows(1) * client)
            np.testing.assert_allclose(answer["y"], alone[client]["y"], rtol=1e-4, atol=1e-6)

        executions = {}
        for way in ways:
            before = (await server.model_signals(way)).counters.executions
            async with held(server):
                tasks = [asyncio.create_task(ask(way, client)) for client in range(40)]
                await eventually(functools.partial(are_inside, server, way, 40))
            await asyncio.gather(*tasks)
            executions[way] = (await server.model_signals(way)).counters.executions - before

    assert executions.pop("dynamic") == 40
    assert max(executions.values()) <= 16, executions  # of eight or six at most, and few before


async def are_inside(server: serving.Serving, model: str, count: int) -> bool:
    """Whether so many requests for the model have come."""
    return await server.metric("batchwright_in_flight", model=model) == count


@asynccontextmanager
async def held(server: serving.Serving) -> AsyncIterator[None]:
    """A time in which no inference begins, so that requests gather however slow the machine is."""
    gate = server.server._rollout._loader._tools.resources.gate
    async with gate.alone(Nobody()):
        yield


class Nobody:
    """A guest of the gate that never infers."""

    share = 0
    wants_more = False

    def start_one(self) -> bool:
        return False


async def test_shards_of_one_request_share_inferences(tmp_path: Path) -> None:
    """Demultiplex with coalescing runs 64 samples as eight inferences of eight."""
    async with serve_all(tmp_path, models.affine(), ["demultiplex_together"]) as server:
        x = np.arange(256, dtype=np.float32).reshape(64, 4)
        answer = await server.client.predict("demultiplex_together", x=x)
        counters = (await server.model_signals("demultiplex_together")).counters

    np.testing.assert_array_equal(answer["y"], 3 * x + 1)
    assert (counters.executions, counters.executed_samples) == (8, 64)


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[serving.Serving]:
    """A model that takes its time to compile, split and demultiplexed by one infer request each."""
    folder = models.save(models.deep(LAYERS, WIDTH), tmp_path / "deep")
    queue = {"queue": {"max_requests": 8, "max_wait_seconds": 100}, "compiled_cache": {"max_entries": 1}}
    configs = [
        serving.model_config("split", folder, batching=WAYS["split"], nireq=1),
        serving.model_config("demultiplex", folder, batching=WAYS["demultiplex"], nireq=1),
        serving.model_config("queue", folder, batching={"strategy": "reload", "reload": queue}),
    ]
    async with serving.serve(tmp_path, serving.document(*configs)) as running:
        yield running


async def test_a_miss_is_answered_at_once_and_compiled_when_that_pays(slow: serving.Serving) -> None:
    """With `on_miss: split` no request waits for a reload; a size that keeps coming is compiled."""
    whole = (await slow.client.predict("queue", x=rows(6)))["y"]
    first = (await slow.client.predict("split", x=rows(6)))["y"]
    assert (await slow.model_signals("split")).counters.reloads == 0

    async def is_compiled() -> bool:
        answer = await slow.client.predict("split", x=rows(6))
        np.testing.assert_allclose(answer["y"], whole, rtol=1e-5)
        return (await slow.model_signals("split")).counters.reloads == 1

    await eventually(is_compiled, seconds=60)
    np.testing.assert_allclose(first, whole, rtol=1e-5)
    executed = (await slow.model_signals("split")).counters.executions
    await slow.client.predict("split", x=rows(6))
    assert (await slow.model_signals("split")).counters.executions == executed + 1
    assert await slow.metric("batchwright_reload_queue_wait_seconds_count", model="split") == 0


async def test_a_large_request_does_not_hold_up_small_ones(slow: serving.Serving) -> None:
    """While 1000 samples are demultiplexed, single samples are answered after a few shards each."""
    large = asyncio.create_task(slow.client.predict("demultiplex", x=rows(1000)))

    async def has_begun() -> bool:
        return await slow.metric("batchwright_in_flight", model="demultiplex") == 1

    await eventually(has_begun)
    for _ in range(5):
        await slow.client.predict("demultiplex", x=rows(1))
        assert not large.done()
    await large


async def test_ten_times_the_queue_is_refused_at_once(slow: serving.Serving) -> None:
    """All others are told so before the first of those inside is served."""
    order: list[str] = []

    async def ask(size: int) -> None:
        try:
            await slow.client.predict("queue", x=rows(size))
            order.append("OK")
        except grpc.aio.AioRpcError as error:
            order.append(error.code().name)

    async def all_others_are_told() -> bool:
        return len(order) == 72

    async with slow.server._worker.hold():  # nobody inside is served yet, however slow the machine
        tasks = [asyncio.create_task(ask(size)) for size in range(2, 82)]
        await eventually(all_others_are_told)
        assert set(order) == {"RESOURCE_EXHAUSTED"}
    await asyncio.gather(*tasks)

    assert order[72:] == ["OK"] * 8
