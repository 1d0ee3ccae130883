"""Changing the configuration of a real server while it serves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import openvino as ov
import pytest

from tests.support import models, serving, tfs
from tests.support.polling import eventually

X = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.fixture
def affine(tmp_path: Path) -> Path:
    return models.save(models.affine(), tmp_path / "affine")


def served(folder: Path, **keys: Any) -> dict[str, Any]:
    return serving.document(serving.model_config("m", folder, **keys))


@pytest.fixture
async def server(tmp_path: Path, affine: Path) -> AsyncIterator[serving.Serving]:
    polling = ("--file_system_poll_wait_seconds", "0.05")
    async with serving.serve(tmp_path, served(affine, batch_size="auto"), *polling) as running:
        yield running


BROKEN = {
    "half written": ('{"model_config_list": [{"config": {"name": "m", "base', "not valid JSON"),
    "empty": ("", "not valid JSON"),
    "unknown key": ('{"model_config_list": [], "modle": 1}', "modle: unknown key"),
    "bad value": (
        '{"model_config_list": [{"config": {"name": "m", "base_path": "x", "batch_size": "atuo"}}]}',
        r"model_config_list\[0\].config.batch_size: expected a positive integer, 'auto', '-1' or",
    ),
    "bottomless": ('{"model_config_list": ' + "[" * 100_000, "not valid JSON"),
    "missing model": (
        '{"model_config_list": [{"config": {"name": "new", "base_path": "/nowhere"}}]}',
        r"\[0\].config: model 'new' is not available: base_path '/nowhere' is not a readable",
    ),
}


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_bad_document_changes_nothing_and_says_why(
    server: serving.Serving, text: str, reason: str
) -> None:
    """The reply, the signals and the metrics tell the reason; what served goes on serving."""
    good = (await server.process_signals()).config.hash

    status, body = await server.reload(text)

    assert status == 400
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(body["error"])
    state = (await server.process_signals()).config
    assert (state.hash, state.error) == (good, body["error"])
    assert await server.metric("batchwright_config_reloads_total", result="rejected") >= 1
    np.testing.assert_array_equal((await server.client.predict("m", x=X))["y"], 3 * X + 1)


async def test_an_edited_file_is_noticed(server: serving.Serving, affine: Path) -> None:
    """A changed file is taken up by itself; the served model switches without a word to its clients."""
    serving.write_config(server.config_path, served(affine, batching={"strategy": "demultiplex"}))

    await eventually(lambda: _serves_by(server, "demultiplex"))

    np.testing.assert_array_equal((await server.client.predict("m", x=X))["y"], 3 * X + 1)


async def test_a_file_that_is_written_slowly_is_taken_when_it_is_whole(
    server: serving.Serving, affine: Path
) -> None:
    """A poll in the middle of a write is refused, and the finished file is taken by itself."""
    whole = (await _rendered(affine)).encode()
    server.config_path.write_bytes(whole[: len(whole) // 2])
    await eventually(lambda: _is_rejected(server))

    server.config_path.write_bytes(whole)

    await eventually(lambda: _serves_by(server, "demultiplex"))
    await eventually(lambda: _is_accepted(server))


async def test_models_come_and_go(server: serving.Serving, affine: Path) -> None:
    """A document may add a model and drop another; the dropped one is NOT_FOUND afterwards."""
    other = serving.document(serving.model_config("n", affine, batch_size=2))

    status, _ = await server.reload(other)

    assert status == 201
    np.testing.assert_array_equal((await server.client.predict("n", x=X))["y"], 3 * X + 1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await server.client.predict("m", x=X)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_model_moved_to_another_folder_loses_no_request(
    server: serving.Serving, affine: Path, tmp_path: Path
) -> None:
    """Replacing the network itself under load: the new one is loaded beside the old, none fails."""
    elsewhere = models.save(models.affine(), tmp_path / "elsewhere")
    load = asyncio.gather(*(_ask_repeatedly(server, size) for size in (1, 2, 3, 4)))
    for folder in (elsewhere, affine, elsewhere):
        status, body = await server.reload(served(folder, batch_size="auto"))
        assert status == 201, body

    await load
    signals = await server.model_signals("m")
    assert signals.counters.failed_requests == 0
    assert signals.counters.samples == 40 * (1 + 2 + 3 + 4)  # counted on, and each request once


async def test_an_unchanged_document_is_not_applied_again(server: serving.Serving, affine: Path) -> None:
    """Asking again for the document that serves answers 200 and switches nothing."""
    status, body = await server.reload(served(affine, batch_size="auto"))

    assert status == 200
    assert body["m"]["model_version_status"][0]["state"] == "AVAILABLE"


async def test_a_starting_server_fails_only_the_bad_model(tmp_path: Path, affine: Path) -> None:
    """One model that cannot be loaded has a status with the reason; the others serve."""
    config = serving.document(
        serving.model_config("good", affine, batch_size="auto"),
        serving.model_config("bad", tmp_path / "nowhere", batch_size="auto"),
    )
    async with serving.serve(tmp_path, config) as running:
        status = (await running.client.status("bad")).model_version_status[0]
        np.testing.assert_array_equal((await running.client.predict("good", x=X))["y"], 3 * X + 1)
        with pytest.raises(grpc.aio.AioRpcError, match="is not a readable directory") as caught:
            await running.client.predict("bad", x=X)

    assert (status.state, status.status.error_code) == (20, 2)
    assert "is not a readable directory" in status.status.error_message
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("strategy", ["reload", "demultiplex"])
async def test_a_model_with_a_constant_batch_says_which_operation_stands_in_the_way(
    tmp_path: Path, strategy: str
) -> None:
    """A strategy the graph does not allow is refused with the reason, not served wrongly."""
    folder = models.save(models.constant_batch(), tmp_path / "constant")
    async with serving.serve(tmp_path, served(folder, batching={"strategy": strategy})) as running:
        status = (await running.client.status("m")).model_version_status[0]

    assert "Reshape" in status.status.error_message


async def test_an_output_without_a_batch_dimension_cannot_be_demultiplexed(tmp_path: Path) -> None:
    """The refusal names the output."""
    folder = models.save(models.total_over_batch(), tmp_path / "total")
    async with serving.serve(tmp_path, served(folder, batching={"strategy": "demultiplex"})) as running:
        status = (await running.client.status("m")).model_version_status[0]

    assert "output 'y' has no batch dimension" in status.status.error_message


@pytest.mark.parametrize(
    "model", [models.mixes_a_little, models.mixes_beside_infinity, models.open_size_softmax]
)
async def test_samples_that_depend_on_each_other_are_found_out(
    tmp_path: Path, model: Callable[[], ov.Model]
) -> None:
    """A little, beside infinite values, or at sizes left open: the demultiplexer is refused."""
    folder = models.save(model(), tmp_path / "m")
    async with serving.serve(tmp_path, served(folder, batching={"strategy": "demultiplex"})) as running:
        status = (await running.client.status("m")).model_version_status[0]

    assert "samples depend on each other" in status.status.error_message


async def test_a_model_that_mixes_samples_is_never_split(tmp_path: Path) -> None:
    """Rows that depend on each other are found out by trying, whatever their shape.

    As the strategy it is refused, as a candidate it has no cost, and the model serves as a whole.
    """
    folder = models.save(models.softmax_over_batch(), tmp_path / "softmax")
    async with serving.serve(tmp_path, served(folder, batching={"strategy": "demultiplex"})) as running:
        status = (await running.client.status("m")).model_version_status[0]
    assert "samples depend on each other: output 'y'" in status.status.error_message

    batching = {"strategy": "reload", "candidates": ["demultiplex"], "calibration": {}}
    async with serving.serve(tmp_path, served(folder, batching=batching)) as running:
        answer = await running.client.predict("m", x=np.zeros((2, 4), np.float32))
        code, body = await running.reload(served(folder, batching={"strategy": "demultiplex"}))
        costs = (await running.model_signals("m")).costs

    np.testing.assert_allclose(answer["y"], 0.5)
    assert (code, [cost.plan.strategy.value for cost in costs]) == (400, ["reload"])
    assert "samples depend on each other" in body["error"]


async def test_the_plan_that_serves_is_measured_first(tmp_path: Path, affine: Path) -> None:
    """Its costs and a reload's are known when the model is ready, the candidates' soon after."""
    batching = {"strategy": "reload", "candidates": ["reload", "demultiplex"], "calibration": {}}
    async with serving.serve(tmp_path, served(affine, batching=batching)) as running:
        first = await running.model_signals("m")
        await eventually(lambda: _has_costs(running, 2))
        signals = await running.model_signals("m")
        work = [
            await running.metric(
                "batchwright_plan_work_seconds", strategy=strategy, batch_size="4", source="calibration"
            )
            for strategy in ("reload", "demultiplex")
        ]

    assert first.costs[0].plan.plan.strategy.value == "reload"
    assert [cost.plan.plan.strategy.value for cost in signals.costs] == ["reload", "demultiplex"]
    assert all(len(cost.points) == 3 and cost.prepare_seconds > 0 for cost in signals.costs)
    assert signals.reload_cost is not None
    assert signals.reload_cost.span_seconds > 0
    assert min(work) > 0
    assert signals.counters.requests == {}


async def test_candidates_are_measured_where_the_server_is_never_idle(
    tmp_path: Path, affine: Path
) -> None:
    """Under requests without a pause the costs come too, named as what they are."""
    batching = {"strategy": "dynamic", "candidates": ["reload", "demultiplex"], "calibration": {}}
    async with serving.serve(tmp_path, served(affine, batching=batching)) as running:
        enough = asyncio.Event()

        async def ask() -> None:
            while not enough.is_set():
                await running.client.predict("m", x=np.ones((2, 4), np.float32))

        clients = [asyncio.create_task(ask()) for _ in range(4)]
        try:
            await eventually(lambda: _has_costs(running, 3), seconds=60)
            found = (await running.model_signals("m")).costs
        finally:
            enough.set()
            await asyncio.gather(*clients)

    sources = {cost.plan.plan.strategy.value: cost.source.value for cost in found}
    assert sources["demultiplex"] == "probe"


async def test_traffic_refines_the_costs_of_the_plan_that_serves(tmp_path: Path, affine: Path) -> None:
    """Requests that come one by one show what their batch size costs, measured before or not."""
    batching = {"strategy": "dynamic", "calibration": {}}
    async with serving.serve(tmp_path, served(affine, batching=batching)) as running:
        for _ in range(20):
            await running.client.predict("m", x=np.ones((7, 4), np.float32))
        work = await running.metric(
            "batchwright_plan_work_seconds", strategy="dynamic", batch_size="7", source="traffic"
        )

    assert 0 < work < 0.1


async def _has_costs(server: serving.Serving, plans: int) -> bool:
    found = (await server.model_signals("m")).costs
    return len({cost.plan.plan for cost in found}) == plans


async def _rendered(folder: Path) -> str:
    import json  # noqa: PLC0415  used here alone

    return json.dumps(served(folder, batching={"strategy": "demultiplex"}))


async def _serves_by(server: serving.Serving, strategy: str) -> bool:
    plan = (await server.model_signals("m")).plan
    return plan is not None and plan.strategy.value == strategy


async def _is_rejected(server: serving.Serving) -> bool:
    return (await server.process_signals()).config.error != ""


async def _is_accepted(server: serving.Serving) -> bool:
    return not await _is_rejected(server)


async def _ask_repeatedly(server: serving.Serving, size: int, times: int = 40) -> None:
    async with grpc.aio.insecure_channel(server.target) as channel:
        client = tfs.TfsClient(channel)
        x = np.full((size, 4), size, np.float32)
        for _ in range(times):
            np.testing.assert_array_equal((await client.predict("m", x=x))["y"], 3 * x + 1)


async def test_properties_that_openvino_hangs_on_are_refused(
    server: serving.Serving, tmp_path: Path
) -> None:
    """The field is told at once, and the worker goes on compiling for others."""
    folder = models.save(models.affine(), tmp_path / "hanging")
    broken = serving.model_config("m", folder, plugin_config={"DEVICE_PROPERTIES": "{x"})
    status, body = await server.reload(serving.document(broken))

    assert status == 400
    assert "model_config_list[0].config.plugin_config: DEVICE_PROPERTIES: expected" in body["error"]
    whole = serving.document(serving.model_config("m", folder, batch_size="auto"))
    assert (await server.reload(whole))[0] == 201
    await server.client.predict("m", x=np.ones((7, 4), np.float32))


async def test_a_model_is_said_once_to_be_unavailable(tmp_path: Path) -> None:
    """In the answer to a request, in the status and in the reply to a reload."""
    config = serving.document(serving.model_config("m", tmp_path / "nowhere"))
    async with serving.serve(tmp_path, config) as server:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await server.client.predict("m", x=np.ones((1, 4), np.float32))
        (found,) = (await server.client.status("m")).model_version_status

    assert (caught.value.details() or "").startswith("model 'm' is not available: base_path ")
    assert (caught.value.details() or "").count("not available") == 1
    assert found.status.error_message.startswith("base_path ")
