"""Pods as processes: started, healed, replaced, scaled and ended, with a server that only answers."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from batchwright_operator.cluster.local import LocalCluster, config_directory
from batchwright_operator.reconcile.observed import Observed, Phase, Pod
from batchwright_operator.render.bundle import render_bundle
from batchwright_operator.render.settings import POD_IP, Settings
from batchwright_operator.resources.modelserver import ModelServer
from tests.support.modelservers import make_server
from tests.support.polling import eventually

FAKE = (sys.executable, str(Path(__file__).parents[2] / "support" / "fake_server.py"))


class Stage:
    """A local cluster with one object."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.cluster = LocalCluster(state, entry_point=FAKE)
        self.http_port = _free_port()
        self.server = self._server()

    async def want(self, *, replicas: int = 1, **env: str) -> None:
        """Apply an object with so many pods of that environment."""
        server = self._server(replicas=replicas, **env)
        settings = Settings(
            config_mount=str(config_directory(self.state, server.name)),
            scratch_mount=None,
            calibration_mount=None,
            rest_bind_address=POD_IP,
            admin_port=None,
        )
        for manifest in render_bundle(server, settings, {}).manifests:
            await self.cluster.apply(server, manifest)

    async def observe(self) -> Observed:
        """What is there now."""
        return await self.cluster.observe(self.server)

    async def until(self, check: Callable[[tuple[Pod, ...]], bool]) -> tuple[Pod, ...]:
        """The pods once they pass the check."""

        async def passes() -> bool:
            return check((await self.observe()).pods)

        await eventually(passes)
        return (await self.observe()).pods

    def pid(self, pod: Pod) -> int:
        """The number of a pod's process."""
        return int((self.state / "vision" / "pods" / f"{pod.name}.pid").read_text())

    def _server(self, *, replicas: int = 1, **env: str) -> ModelServer:
        variables = [{"name": name, "value": value} for name, value in env.items()]
        service = {"grpcPort": 9, "httpPort": self.http_port}
        return make_server(replicas=replicas, pod={"env": variables}, service=service)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage that leaves no process behind."""
    stage = Stage(tmp_path)
    yield stage
    stage.cluster.kill()
    await stage.cluster.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _all_ready(count: int) -> Callable[[tuple[Pod, ...]], bool]:
    return lambda pods: len(pods) == count and all(pod.ready for pod in pods)


async def test_pods_have_addresses_of_their_own(stage: Stage) -> None:
    """Two pods listen on one port, each at its own address, and become ready."""
    await stage.want(replicas=2)
    pods = await stage.until(_all_ready(2))
    assert [pod.ip for pod in pods] == ["127.0.0.1", "127.0.0.2"]


async def test_the_document_is_projected(stage: Stage) -> None:
    """The configuration is there before the pod that reads it, and survives the cluster object."""
    await stage.want()
    text = (stage.state / "vision" / "config" / "config.json").read_text()
    assert text == (await stage.observe()).config_text
    again = LocalCluster(stage.state, entry_point=FAKE)
    assert (await again.observe(stage.server)).config_text == text


async def test_a_killed_process_is_healed(stage: Stage) -> None:
    """After kill -9 the pod keeps its name and address, and says what happened."""
    await stage.want()
    (pod,) = await stage.until(_all_ready(1))
    os.kill(stage.pid(pod), signal.SIGKILL)
    (healed,) = await stage.until(lambda pods: pods[0].restarts == 1 and pods[0].ready)
    assert (healed.name, healed.ip) == (pod.name, pod.ip)
    assert healed.reason == "killed by SIGKILL"


async def test_a_pod_that_cannot_start(stage: Stage) -> None:
    """It is tried again and again, never called ready, and its last words are kept."""
    await stage.want(FAIL="1")
    (pod,) = await stage.until(lambda pods: bool(pods) and pods[0].failed_starts >= 2)
    assert not pod.ready
    assert pod.reason == "exit code 1: no model found"


async def test_a_new_template_replaces_pods_one_by_one(stage: Stage) -> None:
    """The old pod is told to end only when a new one is ready."""
    await stage.want()
    (old,) = await stage.until(_all_ready(1))
    await stage.want(DELAY="0.5")
    ready_at_every_look = []

    def is_replaced(pods: tuple[Pod, ...]) -> bool:
        ready_at_every_look.append(sum(pod.ready for pod in pods))
        return len(pods) == 1 and pods[0].ready and pods[0].name != old.name

    await stage.until(is_replaced)
    assert min(ready_at_every_look) == 1


async def test_scaling(stage: Stage) -> None:
    """Up and down, to nothing and back."""
    for replicas in (2, 1, 0, 1):
        await stage.want(replicas=replicas)
        await stage.until(_all_ready(replicas))


async def test_a_pod_that_will_not_end(stage: Stage) -> None:
    """One that passes over SIGTERM is killed when its time is up, and nothing is left of it."""
    await stage.want(STUBBORN="1")
    (pod,) = await stage.until(_all_ready(1))
    pid = stage.pid(pod)
    fleet = stage.cluster._fleets[stage.server.key]
    await fleet.close(grace_seconds=0.2)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_closing_ends_every_process(stage: Stage) -> None:
    """After close no process is left, whatever state it was in."""
    await stage.want(replicas=2, DELAY="60")
    pods = await stage.until(lambda pods: [pod.phase for pod in pods] == 2 * [Phase.RUNNING])
    pids = [stage.pid(pod) for pod in pods]
    await stage.cluster.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_pod_that_no_process_can_be(stage: Stage) -> None:
    """An environment that the system refuses is a failed start like any other, and told."""
    stage.cluster = LocalCluster(stage.state, entry_point=("a\0b",))
    await stage.want()
    (pod,) = await stage.until(lambda pods: bool(pods) and pods[0].failed_starts >= 2)
    assert pod.reason.startswith("cannot start a")


async def test_a_removal_that_is_interrupted(stage: Stage) -> None:
    """What is stopped while an object is being removed still ends that object's processes."""
    await stage.want(STUBBORN="1")
    (pod,) = await stage.until(_all_ready(1))
    pid = stage.pid(pod)
    removal = asyncio.create_task(stage.cluster.remove(stage.server.key))
    await stage.until(lambda pods: pods[0].phase is Phase.TERMINATING)
    removal.cancel()
    await asyncio.gather(removal, return_exceptions=True)
    stage.cluster.kill()
    await stage.cluster.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
