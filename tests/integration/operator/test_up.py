"""`batchwright up` as users run it: a real server, healed, edited on the fly and stopped."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from batchwright_server.config.signals import Signals
from tests.support import models, server_process
from tests.support.modelservers import server_document
from tests.support.polling import eventually
from tests.support.tfs import TfsClient
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


async def test_workers_are_one_pod(program: UpProgram) -> None:
    """They are counted as one, an edit reaches all of them in place, and one that dies is replaced."""
    program.write(one_model(workers=2))
    await program.start()
    await program.until(program.is_settled)
    (pid,) = program.pids()
    first = workers(pid)
    assert len(first) == 2

    await ask(program, connections=12)
    await eventually(lambda: has_answered(program, 12))
    program.write(one_model(strategy="Demultiplex", workers=2))
    await program.until(lambda: program.is_settled("demultiplex"))
    assert (program.pids(), workers(pid)) == ([pid], first)
    await ask(program, connections=12)
    await eventually(lambda: has_answered(program, 24))

    os.kill(first[0], signal.SIGKILL)
    await program.until(lambda: len(set(workers(pid)) - {first[0]}) == 2)
    await eventually(lambda: server_process.is_ready(program.port + 1), seconds=60)
    await program.until(lambda: program.is_settled("demultiplex"))
    assert program.pids() == [pid]

    assert await program.stop() == 0
    assert workers(pid) == []


def workers(pid: int) -> list[int]:
    """The processes that one has started."""
    try:
        return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


async def ask(program: UpProgram, *, connections: int) -> None:
    """One request by each of so many connections, which the system spreads over the workers."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    for _ in range(connections):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{program.port}", options) as channel:
            answer = await TfsClient(channel).predict("m", x=np.ones((2, 4), np.float32))
        np.testing.assert_array_equal(answer["y"], np.full((2, 4), 4))


async def read_signals(program: UpProgram) -> Signals:
    """What the pod says of itself."""
    return await server_process.read_signals(program.port + 1)


async def has_answered(program: UpProgram, count: int) -> bool:
    """Whether so many requests of two samples are counted, and by all processors of the machine."""
    told = await read_signals(program)
    return told.models[0].counters.requests == {2: count} and told.cores == len(os.sched_getaffinity(0))
