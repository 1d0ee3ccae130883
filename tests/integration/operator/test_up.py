"""`batchwright up` as users run it: a real server, healed, edited on the fly and stopped."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import models
from tests.support.modelservers import server_document
from tests.support.up_program import UpProgram, free_ports, one_model


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[UpProgram]:
    """A program whose objects serve one small model, not yet started; stopped in the end."""
    models.save(models.affine(), tmp_path / "models" / "m")
    program = UpProgram(tmp_path, free_ports(4))
    yield program
    await program.stop()


async def test_a_life(program: UpProgram) -> None:
    """It becomes ready, heals, takes edits, refuses a bad one, and ends with nothing left."""
    program.write(one_model())
    await program.start()
    await program.until(program.is_settled)
    (pid,) = program.pids()

    os.kill(pid, signal.SIGKILL)
    await program.until(lambda: "PodRestarted" in program.events())
    await program.until(program.is_settled)
    assert "MetricsUnreachable" not in program.events()
    (healed,) = program.pids()

    program.manifest.write_text("kind: ModelServer\n")
    await program.until(lambda: program.said("nothing changes"))
    program.write(one_model(strategy="Demultiplex"))
    await program.until(lambda: program.is_settled("demultiplex"))
    assert program.pids() == [healed]

    program.write(one_model(strategy="Demultiplex", pod={"env": [{"name": "A", "value": "b"}]}))
    await program.until(lambda: program.said(f"HTTP at 127.0.0.2:{program.port + 1}"))
    await program.until(lambda: len(program.pids()) == 1)
    (replaced,) = program.pids()
    assert replaced != healed

    assert await program.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(replaced, 0)
    assert program.condition("Ready")["reason"] == "Stopped"


async def test_objects_come_and_go(program: UpProgram) -> None:
    """One is removed, then the other renamed: nothing else ends, and the ports stay the same."""
    program.write(one_model(), one_model("other"))
    await program.start()
    await program.until(lambda: program.is_settled() and program.is_settled(name="other"))
    (kept,), (removed,) = program.pids(), program.pids("other")

    program.write(one_model())
    await program.until(lambda: not program.pids("other"))
    assert program.pids() == [kept]
    await program.until(lambda: program.condition("Ready", "other")["reason"] == "Stopped")
    with pytest.raises(ProcessLookupError):
        os.kill(removed, 0)

    program.write(one_model("sight"))
    await program.until(lambda: program.is_settled(name="sight"))
    assert program.said(f"sight: gRPC at 127.0.0.1:{program.port}")
    assert program.pids() == []
    assert await program.stop() == 0


async def test_a_model_by_its_address(program: UpProgram) -> None:
    """It is fetched before the server starts; what cannot be is told, and an edit makes it good."""
    address = f"file://{program.folder / 'models'}"
    program.write(server_document({"name": "m", "source": {"uri": f"{address}/missing"}}))
    await program.start()
    events = program.state / "vision" / "events.jsonl"
    await program.until(lambda: events.exists() and "ModelNotFetched" in program.events())
    told = program.condition("Ready")["message"]
    assert f"cannot fetch model m: {address}/missing: nothing is there" in told

    program.write(server_document({"name": "m", "source": {"uri": f"{address}/m"}}))
    await program.until(program.is_settled)

    assert await program.stop() == 0
