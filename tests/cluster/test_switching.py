"""Switching on Kubernetes: the operator measures, decides, and has every pod serve the better plan."""

import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import models
from tests.support.cluster import compilefaults, switching
from tests.support.cluster.access import Cluster
from tests.support.cluster.apiclient import ApiClient, Object
from tests.support.cluster.configwatch import ConfigWatch, config_watch
from tests.support.cluster.kubelet.atomicwriter import File, write_payload
from tests.support.cluster.node import Kubelet
from tests.support.cluster.operatorprocess import Operators
from tests.support.cluster.serviceclient import Load, ServiceClient
from tests.support.cluster.switching import MODEL, NAME, SIZES, Stopwatch
from tests.support.operator_process import OperatorProcess
from tests.support.polling import eventually, remains

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]

LOAD_SECONDS = float(os.environ.get("BATCHWRIGHT_TEST_LOAD_SECONDS", "85"))
CONFIRM_SECONDS = 20.0  # on the busiest machine; an idle one takes 1 or 2
SWITCHES = "batchwright_operator_switches_total"
STRATEGY = 'batchwright_operator_model_strategy{model="m",name="vision",namespace="%s",strategy="%s"}'


@dataclass(frozen=True)
class Scene:
    """A ModelServer that is applied, followed all the time, and asked at a Service's endpoints."""

    api: ApiClient
    namespace: str
    operator: OperatorProcess
    config: ConfigWatch
    service: ServiceClient
    clock: Stopwatch

    async def pods(self) -> list[Object]:
        """The pods that are ready."""
        return await switching.running_pods(self.api, self.namespace)

    async def switched(self) -> None:
        """Return once the policy has decided."""
        await switching.switched(self.api, self.namespace, seconds=90)
        self.clock.say("decided")

    async def trying(self) -> Object:
        """The pod that tries what the policy wants, once one does."""
        name = await switching.trying(self.api, self.namespace)
        self.clock.say(f"{name} tries")
        return next(pod for pod in await self.pods() if pod["metadata"]["name"] == name)

    async def preparing(self, kubelet: Kubelet) -> Object:
        """A pod that prepares what another, which is healed, has tried: it alone is behind."""
        tried = await self.trying()
        compilefaults.heal_pod(kubelet, tried)
        await self.switched()
        await eventually(lambda: self._are_pending(1))
        [late] = [pod for pod in await self.pods() if pod["metadata"]["name"] in self.config.pending]
        assert late["metadata"]["name"] != tried["metadata"]["name"]
        return late

    async def settled(self, *, seconds: float = CONFIRM_SECONDS) -> Object:
        """The ModelServer, once all pods serve what is wanted."""
        clock = Stopwatch()
        found = await switching.applied(self.api, self.namespace, seconds=seconds)
        await eventually(self._is_committed)  # who watches may have looked just before
        self.clock.say(f"all pods serve {switching.strategy_of(found)}, after {clock.seconds:.1f} s")
        return found

    @asynccontextmanager
    async def load(self, *, clients: int = 4) -> AsyncIterator[Load]:
        """Requests of mixed sizes; every one has to be answered, and rightly."""
        async with self.service.load(MODEL, sizes=SIZES, clients=clients) as load:
            yield load
        self.clock.say(str(load.results))
        load.results.require_flawless()

    async def _is_committed(self) -> bool:
        return {item.config.hash for item in self.config.latest.values()} == {self.config.committed}

    async def _are_pending(self, count: int) -> bool:
        return len(self.config.pending) == count


Setting = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def setting(
    api: ApiClient, namespace: str, kubelet: Kubelet, operators: Operators, tmp_path: Path
) -> Setting:
    """Sets a scene with an operator and so many pods; its documents have to be sound throughout."""

    @asynccontextmanager
    async def scene(replicas: int, **spec: Any) -> AsyncIterator[Scene]:
        operator = operators.start(kubelet=kubelet)
        await switching.create(api, namespace, tmp_path, replicas=replicas, **spec)
        await switching.applied(api, namespace, seconds=120)
        async with (
            config_watch(api, kubelet, namespace, NAME) as config,
            ServiceClient(api, namespace, NAME, kubelet.addresses_file) as service,
        ):
            yield Scene(api, namespace, operator, config, service, Stopwatch())

    return scene


async def test_the_operator_switches_by_itself(setting: Setting, control_plane: Cluster) -> None:
    """Three pods under requests of mixed sizes for long: one first, then all of them, and no failure."""
    async with setting(3) as scene:
        before = await scene.pods()
        async with scene.load(clients=6) as load:
            first = (await scene.trying())["metadata"]["name"]
            await eventually(lambda: is_alone_with(scene, first, "demultiplex"))
            assert len(scene.config.commits) == 1
            await scene.switched()
            decided, slow = scene.clock.seconds, load.results.answered
            found = await scene.settled()
            while scene.clock.seconds < LOAD_SECONDS:
                await load.answered(200)
            fast = (load.results.answered - slow) / (scene.clock.seconds - decided)
            scene.clock.say(f"{slow / decided:.0f} answers/s before, {fast:.0f} after")
        assert len(load.results.by_pod) == 3
        assert len(scene.config.commits) == 2  # one switch, which was kept
        assert list(scene.config.plans.values()) == ["demultiplex"] * 3
        assert uids(await scene.pods()) == uids(before)

    [event] = await switching.events(scene.api, scene.namespace, "StrategySwitched")
    assert event["note"].startswith("m: Demultiplex since")
    [begun] = await switching.events(scene.api, scene.namespace, "CanaryStarted")
    assert f"{first} tries Demultiplex" in begun["note"]
    scene.clock.say(f"{begun['note']}\n{event['note']}")
    assert switching.condition(found, "StrategySettled")["reason"] == "Settled"
    assert scene.operator.metric(SWITCHES) == 1
    assert scene.operator.metric(STRATEGY % (scene.namespace, "demultiplex")) == 1
    table = control_plane.kubectl("get", "bms", "-n", scene.namespace)
    scene.clock.say(f"kubectl get bms:\n{table}")
    assert table.splitlines()[1].split()[:4] == [NAME, "True", "1/1", "Demultiplex"]


async def test_a_plan_that_is_worse_than_predicted(setting: Setting, kubelet: Kubelet) -> None:
    """It costs more than when it was measured: one pod shows it and goes back, no other ever has it."""
    async with setting(3, model={"batching": switching.adaptive(windowSeconds=12)}) as scene:
        await eventually(lambda: has_costs(scene, 3), seconds=60)
        for pod in await scene.pods():
            compilefaults.make_dear(kubelet, pod, seconds=0.02)
        async with scene.load(clients=6):
            tried = (await scene.trying())["metadata"]["name"]
            event = await one_event(scene, "StrategyReturned", seconds=60)
            assert f"on {tried} Demultiplex was predicted to give" in event["note"]
            assert event["type"] == "Warning"
            await eventually(lambda: are_plans(scene, ["reload"] * 3), seconds=30)
            found = await scene.settled()
            await remains(lambda: set(scene.config.plans.values()) == {"reload"}, seconds=10)
        assert len(scene.config.commits) == 1
        assert [len(set(served)) for served in scene.config.served.values()].count(1) == 2
        failures = found["status"]["models"][0]["policy"]["failures"]
        assert [item["plan"] for item in failures] == ["demultiplex/optimum"]
        labels = 'action="Return",reason="PredictionWrong"'
        assert scene.operator.metric(f"batchwright_operator_decisions_total{{{labels}}}") == 1
        assert scene.operator.metric(SWITCHES) == 0


async def test_a_pod_that_dies_while_it_tries(setting: Setting, kubelet: Kubelet) -> None:
    """Another tries in its place, and then all are switched, once."""
    async with setting(2) as scene:
        before = await scene.pods()
        await eventually(lambda: has_costs(scene, 2), seconds=60)  # what is held then is the switch
        async with scene.load():
            async with held(kubelet, before):
                kubelet.kill_process_of(await scene.trying())
                await eventually(lambda: are_processes(scene, 3), seconds=60)
            assert len(scene.config.commits) == 1
            await scene.switched()
            await scene.settled(seconds=60)
        assert len(await switching.events(scene.api, scene.namespace, "StrategySwitched")) == 1
        assert len(scene.config.commits) == 2


async def test_an_operator_that_dies_while_a_pod_tries(
    setting: Setting, kubelet: Kubelet, operators: Operators
) -> None:
    """The next one goes on with the same pod: no second is begun with, and all are switched, once."""
    async with setting(2) as scene:
        before = await scene.pods()
        await eventually(lambda: has_costs(scene, 2), seconds=60)  # what is held then is the switch
        async with scene.load():
            async with held(kubelet, before):
                tried = await scene.trying()
                await one_event(scene, "CanaryStarted", seconds=20)  # is sent after the status
                scene.operator.signal(signal.SIGKILL)
                scene.operator.wait()
                operator = operators.start(kubelet=kubelet)
                await eventually(lambda: is_leading(operator), seconds=60)
                compilefaults.heal_pod(kubelet, tried)
                await scene.switched()
            await scene.settled(seconds=60)
        assert len(await switching.events(scene.api, scene.namespace, "CanaryStarted")) == 1
        assert len(scene.config.commits) == 2
        assert operator.metric(SWITCHES) == 1


async def test_an_edit_while_a_pod_tries(setting: Setting) -> None:
    """All pods get it at once, with the plan they had; the policy decides anew afterwards."""
    batching = switching.adaptive(windowSeconds=16)
    async with setting(2, model={"batching": batching}) as scene, scene.load():
        tried = (await scene.trying())["metadata"]["name"]
        await eventually(lambda: is_alone_with(scene, tried, "demultiplex"))
        await switching.edit_model(scene.api, scene.namespace, batching={**batching, "maxBatchSize": 64})
        await eventually(lambda: is_committed(scene, 2), seconds=CONFIRM_SECONDS)
        await eventually(lambda: are_plans(scene, ["reload"] * 2), seconds=CONFIRM_SECONDS)
        assert await switching.events(scene.api, scene.namespace, "StrategyReturned") == []
        await scene.switched()
        await scene.settled(seconds=60)


@pytest.mark.parametrize("broken", [1, 2])
async def test_pods_that_cannot_serve_what_the_policy_wants(
    setting: Setting, kubelet: Kubelet, broken: int
) -> None:
    """One of two pods, or both: all are back on the old plan at once, and a new pod starts from it."""
    async with setting(2) as scene:
        before = await scene.pods()
        for pod in before[:broken]:
            compilefaults.break_pod(kubelet, pod)
        async with scene.load():
            event = await one_event(scene, "StrategyReturned", seconds=90)
            assert compilefaults.ERROR in event["note"]
            assert event["type"] == "Warning"
            found = await scene.settled()
            assert switching.strategy_of(found) == "reload"
            await switching.scale(scene.api, scene.namespace, 3)
            await scene.settled(seconds=60)
        assert len(scene.config.commits) == 1
        assert list(scene.config.plans.values()) == ["reload"] * 3
        assert uids(before) <= uids(await scene.pods())
        refusing = set().union(*scene.config.refused.values())
        # Where the first that is asked refuses, no other is.
        assert refusing <= {pod["metadata"]["name"] for pod in before[:broken]}
        assert refusing


async def test_an_edit_that_one_pod_cannot_serve(setting: Setting, kubelet: Kubelet) -> None:
    """The condition says why; new pods start from what served before, to which all return after 60 s."""
    async with setting(2, model={"batching": {"strategy": "Reload"}}) as scene:
        bad, good = await scene.pods()
        compilefaults.break_pod(kubelet, bad)
        async with scene.load(clients=1):
            await switching.edit_model(scene.api, scene.namespace, batching={"strategy": "Demultiplex"})
            told = await condition(scene, "ConfigApplied", "ConfigRejected")
            assert bad["metadata"]["name"] in told["message"]
            assert compilefaults.ERROR in told["message"]
            await eventually(lambda: is_served(scene, good, "demultiplex"))
            await switching.scale(scene.api, scene.namespace, 3)
            await eventually(lambda: are_plans(scene, ["demultiplex", "reload", "reload"]), seconds=50)
            await eventually(lambda: are_plans(scene, ["reload"] * 3), seconds=75)
            scene.clock.say("taken back")
            compilefaults.heal_pod(kubelet, bad)
            await switching.edit_model(
                scene.api, scene.namespace, batching={"strategy": "Demultiplex", "maxBatchSize": 64}
            )
            await scene.settled()
        await eventually(lambda: is_committed(scene, 2))
        assert list(scene.config.plans.values()) == ["demultiplex"] * 3


async def test_an_edit_that_no_pod_can_serve(setting: Setting) -> None:
    """What a real server refuses is never kept, and pods that come meanwhile serve what was before."""
    async with setting(1) as scene, scene.load(clients=1):
        broken = {**models.EXACT, "NUM_STREAMS": "many"}
        await switching.edit_model(scene.api, scene.namespace, pluginConfig=broken)
        told = await condition(scene, "ConfigApplied", "ConfigRejected")
        scene.clock.say(told["message"])
        await switching.scale(scene.api, scene.namespace, 2)
        await eventually(lambda: are_ready(scene, 2), seconds=60)
        assert len(scene.config.commits) == 1
        await switching.edit_model(scene.api, scene.namespace, pluginConfig=models.EXACT)
        await scene.settled()
        assert len(scene.config.commits) == 1


async def test_a_pod_that_starts_in_the_middle(setting: Setting, kubelet: Kubelet) -> None:
    """Scaled while pods prepare the switch: the new one starts from the old plan, and switches too."""
    async with setting(2) as scene:
        before = await scene.pods()
        await eventually(lambda: has_costs(scene, 2), seconds=60)  # what is held then is the switch
        async with scene.load(), held(kubelet, before):
            await scene.preparing(kubelet)
            await switching.scale(scene.api, scene.namespace, 3)
            await eventually(lambda: are_processes(scene, 3), seconds=60)
            assert len(scene.config.commits) == 1
            for pod in before:
                compilefaults.heal_pod(kubelet, pod)
            await scene.settled(seconds=60)
        old, new = [commit.hash for commit in scene.config.commits]
        # A pod may be looked at for the first time once it has the new one already.
        assert all(served in ([old, new], [new]) for served in scene.config.served.values())
        assert list(scene.config.plans.values()) == ["demultiplex"] * 3


async def test_a_pod_that_dies_in_the_middle(setting: Setting, kubelet: Kubelet) -> None:
    """Killed while it prepares the switch: it comes back with the old plan, and switches after all."""
    async with setting(2) as scene:
        before = await scene.pods()
        await eventually(lambda: has_costs(scene, 2), seconds=60)  # what is held then is the switch
        async with scene.load(), held(kubelet, before):
            late = await scene.preparing(kubelet)
            assert len(scene.config.commits) == 1
            kubelet.kill_process_of(late)
            compilefaults.heal_pod(kubelet, late)  # it would be held in measuring its candidates
            await eventually(lambda: are_processes(scene, 3), seconds=60)
            for pod in before:
                compilefaults.heal_pod(kubelet, pod)
            await scene.settled(seconds=60)
        old, new = [commit.hash for commit in scene.config.commits]
        # As above, of a process that is new.
        assert all(served in ([old], [old, new], [new]) for served in scene.config.served.values())
        assert len(await switching.events(scene.api, scene.namespace, "StrategySwitched")) == 1


async def test_an_operator_that_dies_in_the_middle(
    setting: Setting, kubelet: Kubelet, operators: Operators
) -> None:
    """Killed while pods prepare the switch: the next one ends it, and decides nothing anew."""
    async with setting(2) as scene:
        before = await scene.pods()
        await eventually(lambda: has_costs(scene, 2), seconds=60)  # what is held then is the switch
        async with scene.load(), held(kubelet, before):
            await scene.preparing(kubelet)
            scene.operator.signal(signal.SIGKILL)
            scene.operator.wait()
            for pod in before:
                compilefaults.heal_pod(kubelet, pod)
            await eventually(lambda: are_plans(scene, ["demultiplex"] * 2), seconds=30)
            assert len(scene.config.commits) == 1
            operator = operators.start(kubelet=kubelet)
            await eventually(lambda: is_committed(scene, 2), seconds=60)
            await scene.settled(seconds=30)
        assert len(await switching.events(scene.api, scene.namespace, "StrategySwitched")) == 1
        assert operator.metric(SWITCHES) == 0
        assert len(scene.config.commits) == 2


async def test_volumes_that_are_late(setting: Setting, kubelet: Kubelet) -> None:
    """A kubelet that takes 90 s delays no switch; an older document that it brings changes nothing."""
    kubelet.order(refresh_seconds=90)
    async with setting(2) as scene, scene.load():
        pods = await scene.pods()
        await scene.switched()
        await scene.settled()
        middle = await config_text(scene)
        assert all(volume_text(kubelet, pod) != middle for pod in pods)
        adaptive = switching.adaptive()
        await switching.edit_model(scene.api, scene.namespace, batching={**adaptive, "maxBatchSize": 64})
        await scene.settled()
        newest = scene.config.committed
        for pod in pods:
            write_payload(
                kubelet.volume_of(pod, "config"), {"config.json": File(middle.encode(), 0o644)}
            )
        await remains(lambda: scene.config.is_everywhere(newest, 2), seconds=3)
        kubelet.order(refresh_seconds=0.5)
        text = await config_text(scene)
        await eventually(lambda: have_volumes(kubelet, pods, text))
        await remains(lambda: scene.config.is_everywhere(newest, 2), seconds=2)
        assert len(scene.config.commits) == 3


@asynccontextmanager
async def held(kubelet: Kubelet, pods: list[Object]) -> AsyncIterator[None]:
    """Pods that come to no end with a switch, unless they are healed."""
    for pod in pods:
        compilefaults.hold_pod(kubelet, pod)
    try:
        yield
    finally:
        for pod in pods:
            compilefaults.heal_pod(kubelet, pod)


def uids(pods: list[Object]) -> set[str]:
    """Who they are."""
    return {str(pod["metadata"]["uid"]) for pod in pods}


def volume_text(kubelet: Kubelet, pod: Object) -> str:
    """The document in a pod's volume."""
    return (kubelet.volume_of(pod, "config") / "config.json").read_text()


async def config_text(scene: Scene) -> str:
    """The document that pods start from."""
    found = await scene.api.get("ConfigMap", f"{NAME}-config", scene.namespace)
    return str(found["data"]["config.json"])


async def one_event(scene: Scene, reason: str, *, seconds: float) -> Object:
    """The only event of that reason, once it is there."""
    found: list[Object] = []

    async def is_there() -> bool:
        found[:] = await switching.events(scene.api, scene.namespace, reason)
        return bool(found)

    await eventually(is_there, seconds=seconds)
    assert len(found) == 1, json.dumps(found)
    scene.clock.say(f"{reason}: {found[0]['note']}")
    return found[0]


async def condition(scene: Scene, kind: str, reason: str) -> Object:
    """The condition, once it has that reason."""
    found = await scene.api.wait_for(
        "ModelServer",
        NAME,
        scene.namespace,
        until=lambda it: switching.condition(it, kind)["reason"] == reason,
        seconds=20,
    )
    return switching.condition(found, kind)


async def is_served(scene: Scene, pod: Object, strategy: str) -> bool:
    return scene.config.plans.get(pod["metadata"]["name"]) == strategy


async def are_plans(scene: Scene, strategies: list[str]) -> bool:
    return sorted(scene.config.plans.values()) == sorted(strategies)


async def is_alone_with(scene: Scene, pod: str, strategy: str) -> bool:
    return [name for name, plan in scene.config.plans.items() if plan == strategy] == [pod]


async def has_costs(scene: Scene, count: int) -> bool:
    """Whether so many pods have measured more than one plan."""
    measured = [len(it.models[0].costs) for it in scene.config.latest.values() if it.models]
    return len([it for it in measured if it > 1]) == count


async def is_leading(operator: OperatorProcess) -> bool:
    return operator.metric("batchwright_operator_leader") == 1


async def are_ready(scene: Scene, count: int) -> bool:
    return len(await scene.pods()) == count


async def are_processes(scene: Scene, count: int) -> bool:
    return len(scene.config.served) == count


async def is_committed(scene: Scene, count: int) -> bool:
    return len(scene.config.commits) == count


async def have_volumes(kubelet: Kubelet, pods: list[Object], text: str) -> bool:
    return all(volume_text(kubelet, pod) == text for pod in pods)
