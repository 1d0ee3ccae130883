"""One run after another, over a cluster and pods that are only remembered."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from batchwright_operator.controller.run import Controller, Run
from batchwright_operator.pods.client import Configured, Target
from batchwright_operator.policy.state import ModelState
from batchwright_operator.reconcile.observed import Observed, Phase, Pod, Report, Unreachable
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.render import names
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.conditions import ConditionType, get_condition
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, ModelStatus, PipelineStatus
from batchwright_server.config.digest import digest
from batchwright_server.config.document import parse_document
from batchwright_server.config.plan import Plan
from tests.support.modelservers import (
    DEMULTIPLEX,
    RELOAD,
    make_model_signals,
    make_server,
    make_signals,
    model_document,
)

POD = Pod("vision-0", "127.0.0.1", Phase.RUNNING, ready=True)


class RememberedCluster:
    """A cluster in which every write is remembered in order, and the pod starts with the Deployment."""

    def __init__(self, status: ModelServerStatus | None = None) -> None:
        self.manifests: dict[str, names.Manifest] = {}
        self.status = status
        self.writes: list[str] = []
        self.events: list[Event] = []

    async def observe(self, key: ObjectKey) -> Observed:
        return Observed(
            config_map=self.manifests.get("ConfigMap"),
            deployment=self.manifests.get("Deployment"),
            service=self.manifests.get("Service"),
            pods=(POD,) if "Deployment" in self.manifests else (),
        )

    async def apply(self, key: ObjectKey, manifest: names.Manifest) -> None:
        self.writes.append(manifest["kind"])
        self.manifests[manifest["kind"]] = manifest

    async def refresh_pods(self, key: ObjectKey, pods: tuple[str, ...], config_hash: str) -> None:
        self.writes.append("refresh")

    async def read_status(self, key: ObjectKey) -> ModelServerStatus | None:
        return self.status

    async def write_status(self, key: ObjectKey, status: ModelServerStatus) -> None:
        self.writes.append("status")
        self.status = status

    async def write_pipeline_status(
        self, key: ObjectKey, name: str, status: PipelineStatus | None
    ) -> None:
        self.writes.append(f"status of {name}")

    async def record_event(self, key: ObjectKey, event: Event) -> None:
        self.events.append(event)

    @property
    def document(self) -> str:
        """The configuration document the pods are given."""
        return str(self.manifests["ConfigMap"]["data"]["config.json"])

    def plan(self, model: str = "resnet") -> Plan:
        """The plan that the document gives a model."""
        models = {item.name: item for item in parse_document(self.document.encode()).models}
        return models[model].effective_batching.plan


class ObedientPods:
    """Pods that take up any document at once, unless it names a plan they refuse."""

    def __init__(self, cluster: RememberedCluster, refused: Plan | None = None) -> None:
        self._cluster = cluster
        self._refused = refused
        self._good = ""
        self._rejected = ""
        self.silent = False

    async def read(self, target: Target) -> Report:
        if self.silent:
            return Unreachable("no answer")
        if not self._good:
            await self.reload(target)
        model = make_model_signals(plan=self._cluster.plan())
        error = "not enough memory" if self._rejected else ""
        return make_signals(model, config_hash=self._good, rejected_hash=self._rejected, error=error)

    async def configure(self, target: Target, document: bytes) -> Configured | Unreachable:
        raise AssertionError("pods are told to read their files")

    async def reload(self, target: Target) -> None:
        content = digest(self._cluster.document.encode())
        if self._cluster.plan() == self._refused:
            self._rejected = content
        else:
            self._good = content


@dataclasses.dataclass
class Bench:
    """A controller with its surroundings, and a clock that moves when told."""

    cluster: RememberedCluster
    pods: ObedientPods
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.controller = Controller(self.cluster, self.pods, clock=lambda: self.now)

    async def run(self, server: ModelServer, times: int = 1) -> Run:
        """The last of so many runs, a second apart."""
        for _ in range(times):
            self.now += 1
            run = await self.controller.run(server, Settings())
        return run


def _bench(status: ModelServerStatus | None = None, refused: Plan | None = None) -> Bench:
    cluster = RememberedCluster(status)
    return Bench(cluster, ObedientPods(cluster, refused))


def _status_with(policy: Mapping[str, Any] | None) -> ModelServerStatus:
    return ModelServerStatus(
        models=(ModelStatus(name="resnet", policy=dict(policy) if policy else None),)
    )


async def test_from_nothing_to_settled() -> None:
    """A new object gets its objects, then its conditions; then nothing is written any more."""
    bench = _bench()
    first = await bench.run(make_server())
    assert bench.cluster.writes == ["status", "ConfigMap", "Deployment", "Service"]
    assert first.next_in < 1
    run = await bench.run(make_server(), times=3)
    assert all(condition.is_true for condition in run.status.conditions)
    assert run.next_in >= 1
    assert set(bench.cluster.writes[4:]) <= {"status"}
    assert [event.reason for event in bench.cluster.events] == [
        "AllPodsReady",
        "Applied",
        "AllAvailable",
    ]


@pytest.mark.parametrize(("strategy", "plan"), [("Reload", RELOAD), ("Demultiplex", DEMULTIPLEX)])
async def test_a_pinned_strategy(strategy: str, plan: Plan) -> None:
    """What the user pins is served, and the policy has no say."""
    bench = _bench()
    run = await bench.run(make_server(model_document(batching={"strategy": strategy})), times=2)
    assert bench.cluster.plan() == plan
    assert run.tuned[0].decision is None
    assert run.status.models[0].policy is None


async def test_adaptive_goes_on_with_what_was_pinned() -> None:
    """Pinned and then handed back to the policy, a model stays on the plan it serves: no switch."""
    bench = _bench()
    pinned = make_server(model_document(batching={"strategy": "Demultiplex"}))
    await bench.run(pinned, times=2)
    run = await bench.run(make_server().with_generation(2), times=2)
    assert bench.cluster.plan() == DEMULTIPLEX
    assert run.tuned[0].state is not None
    assert run.tuned[0].state.plan == DEMULTIPLEX


async def test_adaptive_leaves_a_plan_that_is_no_candidate() -> None:
    """What was pinned is given up where the policy may not choose it."""
    bench = _bench()
    await bench.run(make_server(model_document(batching={"strategy": "Fixed"})), times=2)
    await bench.run(make_server().with_generation(2), times=2)
    assert bench.cluster.plan() == RELOAD


async def test_an_edit_reaches_the_pod_in_place() -> None:
    """An edited strategy is brought to the running pod: no new Deployment."""
    bench = _bench()
    await bench.run(make_server(), times=2)
    bench.cluster.writes.clear()
    edited = make_server(model_document(batching={"strategy": "Demultiplex"})).with_generation(2)
    await bench.run(edited)
    assert [write for write in bench.cluster.writes if write != "status"] == ["ConfigMap", "refresh"]
    run = await bench.run(edited)
    applied = get_condition(run.status.conditions, ConditionType.CONFIG_APPLIED)
    assert applied is not None
    assert (applied.is_true, applied.observed_generation) == (True, 2)


async def test_the_state_is_adopted_from_the_status() -> None:
    """A controller that starts anew goes on with the plan in the status: no switch."""
    state = ModelState.initial(DEMULTIPLEX, 500)
    bench = _bench(_status_with(state.to_status()))
    run = await bench.run(make_server(), times=2)
    assert bench.cluster.plan() == DEMULTIPLEX
    assert run.status.models[0].since == "1970-01-01T00:08:20Z"
    assert "StrategySwitched" not in {event.reason for event in bench.cluster.events}


@pytest.mark.parametrize("status", [None, _status_with(None), _status_with({"version": 99})])
async def test_the_state_is_adopted_from_the_document(status: ModelServerStatus | None) -> None:
    """Without a status that can be read, what the pods are given is what stays."""
    before = _bench()
    await before.run(make_server(model_document(batching={"strategy": "Demultiplex"})))
    bench = _bench(status)
    bench.cluster.manifests = before.cluster.manifests
    await bench.run(make_server(), times=2)
    assert bench.cluster.plan() == DEMULTIPLEX


async def test_the_state_is_written_before_the_document() -> None:
    """A crash between the two writes leaves a state whose document is only still to be written."""
    bench = _bench()
    await bench.run(make_server(), times=2)
    bench.cluster.writes.clear()
    reordered = {"candidates": ["Demultiplex"]}
    await bench.run(make_server(model_document(batching={"adaptive": reordered})).with_generation(2))
    assert bench.cluster.plan() == DEMULTIPLEX
    assert bench.cluster.writes[:2] == ["status", "ConfigMap"]
    policy = bench.cluster.status.models[0].policy if bench.cluster.status is not None else None
    assert policy is not None
    assert policy["plan"] == str(DEMULTIPLEX)


async def test_a_refused_plan_is_taken_back() -> None:
    """When a pod refuses the policy's document, the last good one is restored at once and remembered."""
    bench = _bench(refused=DEMULTIPLEX)
    server = make_server()
    await bench.run(server, times=3)
    memory = bench.controller._memories[server.key]
    memory.states["resnet"] = dataclasses.replace(
        memory.states["resnet"], plan=DEMULTIPLEX, previous=RELOAD, since=int(bench.now)
    )
    await bench.run(server)
    assert bench.cluster.plan() == DEMULTIPLEX
    await bench.run(server)
    assert bench.cluster.plan() == RELOAD
    event = next(item for item in bench.cluster.events if item.reason == "StrategyReturned")
    assert "not enough memory" in event.message
    assert (event.from_plan, event.to_plan) == (str(DEMULTIPLEX), str(RELOAD))
    assert [failure.plan for failure in memory.states["resnet"].failures] == [DEMULTIPLEX]
    run = await bench.run(server, times=2)
    assert all(condition.is_true for condition in run.status.conditions)


async def test_a_users_edit_is_not_undone() -> None:
    """A document that a user made is refused with a reason, and stays wanted."""
    bench = _bench(refused=DEMULTIPLEX)
    await bench.run(make_server(), times=2)
    edited = make_server(model_document(batching={"strategy": "Demultiplex"})).with_generation(2)
    run = await bench.run(edited, times=3)
    applied = get_condition(run.status.conditions, ConditionType.CONFIG_APPLIED)
    assert applied is not None
    assert applied.reason == "ConfigRejected"
    assert bench.cluster.plan() == DEMULTIPLEX


async def test_silent_pods_change_nothing() -> None:
    """Without numbers the plan stays, and the reason is told."""
    bench = _bench()
    await bench.run(make_server(), times=2)
    bench.pods.silent = True
    run = await bench.run(make_server(), times=2)
    assert bench.cluster.plan() == RELOAD
    applied = get_condition(run.status.conditions, ConditionType.CONFIG_APPLIED)
    assert applied is not None
    assert applied.reason == "MetricsUnreachable"
