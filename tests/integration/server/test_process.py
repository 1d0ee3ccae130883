"""The server as a process of its own: how it starts and how it ends."""

import json
import signal
from functools import partial
from pathlib import Path

import grpc
import numpy as np

from batchwright_server.config import signals
from tests.support import models, server_process, serving, tfs
from tests.support.polling import eventually


def flags_for(folder: Path) -> tuple[list[str], int, int]:
    port, rest_port = serving.free_port(), serving.free_port()
    model = ["--model_name", "m", "--model_path", str(folder), "--batch_size", "auto"]
    return [*model, "--port", str(port), "--rest_port", str(rest_port)], port, rest_port


async def test_sigterm_ends_with_exit_code_0(tmp_path: Path) -> None:
    """A server that was told to end has answered what it took, and says that all went well."""
    flags, port, rest_port = flags_for(models.save(models.affine(), tmp_path / "m"))
    with server_process.run(tmp_path, *flags) as running:
        await eventually(lambda: server_process.is_ready(rest_port))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            answer = await tfs.TfsClient(channel).predict("m", x=np.ones((2, 4), np.float32))
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 0
    assert answer["y"].shape == (2, 4)


async def test_sigterm_while_loading_is_obeyed(tmp_path: Path) -> None:
    """A server that is told to end before it is ready never begins to serve."""
    folder = models.save(models.deep(layers=300), tmp_path / "m")
    batching = {"strategy": "reload", "candidates": ["demultiplex", "dynamic"]}
    config = tmp_path / "config.json"
    entry = {"config": {"name": "m", "base_path": str(folder), "batching": batching}}
    config.write_text(json.dumps({"model_config_list": [entry]}))
    port, rest_port = serving.free_port(), serving.free_port()
    flags = ["--config_path", str(config), "--port", str(port), "--rest_port", str(rest_port)]
    with server_process.run(tmp_path, *flags) as running:

        async def is_alive() -> bool:
            return await server_process.health(rest_port) == 503

        await eventually(is_alive)
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=20)

    assert running.returncode == 0
    assert "ready; gRPC on port" not in told


async def test_a_port_in_use_is_told_at_once(tmp_path: Path) -> None:
    """The conflict shows before anything is loaded, with the address, and exit code 1."""
    flags, port, rest_port = flags_for(models.save(models.affine(), tmp_path / "m"))
    with server_process.run(tmp_path, *flags) as first:
        await eventually(lambda: server_process.is_ready(rest_port))
        other = [*flags[:-1], str(serving.free_port())]
        with server_process.run(tmp_path, *other) as second:
            _, told = second.communicate(timeout=20)
        assert first.poll() is None

    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in told


async def test_a_restarted_server_does_not_measure_again(tmp_path: Path) -> None:
    """What was measured before is found, with the same figures; a changed model is measured anew."""
    folder = models.save(models.affine(), tmp_path / "m")
    batching = {"strategy": "reload", "candidates": ["demultiplex", "dynamic"]}
    entry = {"config": {"name": "m", "base_path": str(folder), "batching": batching}}
    (tmp_path / "config.json").write_text(json.dumps({"model_config_list": [entry]}))
    first, second = await _costs(tmp_path), await _costs(tmp_path)
    model = folder / "1" / "model.xml"
    model.write_text(model.read_text() + "\n")
    third = await _costs(tmp_path)

    assert len(first) == 3
    assert first == second
    assert third != second


async def _costs(folder: Path) -> tuple[signals.PlanCost, ...]:
    """The costs that a server of this folder tells; it is killed afterwards."""
    rest_port = serving.free_port()
    places = ["--config_path", "config.json", "--calibration_dir", "calibration"]
    with server_process.run(folder, *places, "--rest_port", str(rest_port)):
        await eventually(partial(server_process.is_ready, rest_port))

        async def has_all() -> bool:
            return len((await server_process.read_signals(rest_port)).models[0].costs) == 3

        await eventually(has_all)
        return (await server_process.read_signals(rest_port)).models[0].costs


async def test_the_log_goes_to_a_file_too(tmp_path: Path) -> None:
    """Every line of standard error is in the file, also after it was moved away."""
    flags, _, rest_port = flags_for(models.save(models.affine(), tmp_path / "m"))
    path, moved = tmp_path / "server.log", tmp_path / "server.log.1"
    with server_process.run(tmp_path, *flags, "--log_path", str(path)) as running:
        await eventually(lambda: server_process.is_ready(rest_port))
        path.rename(moved)
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=20)

    assert "ready; gRPC on port" in moved.read_text()
    assert "ending: finishing" in path.read_text()
    assert told == moved.read_text() + path.read_text()


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The flag and the path, before anything else happens."""
    flags, _, _ = flags_for(models.save(models.affine(), tmp_path / "m"))
    with server_process.run(tmp_path, *flags, "--log_path", str(tmp_path / "no" / "log")) as running:
        _, told = running.communicate(timeout=20)

    assert running.returncode == 1
    assert "--log_path" in told
