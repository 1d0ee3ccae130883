"""One run for one key: what its end means, and what is told of objects that cannot be run."""

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from batchwright_operator.cluster.errors import ClusterError, NotOurs, Outdated, Refused, Unavailable
from batchwright_operator.cluster.kubernetes.store import Store
from batchwright_operator.controller.run import Run
from batchwright_operator.manager import logs
from batchwright_operator.manager.metrics import Metrics
from batchwright_operator.manager.worker import REFUSED_SECONDS, Parts, Worker
from batchwright_operator.reconcile.observed import Observed
from batchwright_operator.reconcile.outcome import Event, EventType
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    get_condition,
)
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus, ModelStatus, PipelineStatus
from batchwright_operator.workqueue.workers import Again, Failed, Gone, Outcome
from tests.support.fake_cluster import FakeCluster
from tests.support.modelservers import server_document
from tests.support.pipelines import pipeline_document

KEY = ObjectKey("default", "vision")
RESYNC = 600.0


class Cluster(FakeCluster):
    """Keeps what statuses it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, ModelServerStatus | PipelineStatus | None]] = []

    async def write_status(self, server: ModelServer, status: ModelServerStatus) -> None:
        self.told.append((server.name, status))

    async def write_pipeline_status(
        self, key: ObjectKey, name: str, status: PipelineStatus | None
    ) -> None:
        self.told.append((name, status))


@dataclass
class Controller:
    fault: ClusterError | None = None
    next_in: float = 5.0
    ran: list[ModelServer] = field(default_factory=list)
    forgotten: list[ObjectKey] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    async def run(self, server: ModelServer, settings: Settings) -> Run:
        self.ran.append(server)
        self.logged.append(logs.current_object.get())
        if self.fault is not None:
            raise self.fault
        ready = Condition(
            type=ConditionType.READY, status=ConditionStatus.TRUE, reason="Ready", message=""
        )
        status = ModelServerStatus(
            conditions=(ready,), models=(ModelStatus(name="resnet", strategy="Reload"),)
        )
        switched = Event(0.0, EventType.NORMAL, "Switched", "", "resnet", "Dynamic", "Reload")
        return Run(server, 0.0, Observed(), {}, (), status, (switched,), self.next_in)

    def forget(self, key: ObjectKey) -> None:
        self.forgotten.append(key)


class Bench:
    """A worker over a store that tests fill."""

    def __init__(self) -> None:
        self.store, self.cluster, self.controller = Store(), Cluster(), Controller()
        self.metrics = Metrics()
        parts = Parts(self.store, self.cluster, self.controller, self.metrics, Settings)
        self._worker = Worker(parts, lambda: RESYNC)
        self._version = 0

    def put(self, raw: dict[str, Any], **metadata: Any) -> None:
        self._version += 1
        kept = {"namespace": "default", "uid": "u", "resourceVersion": str(self._version)}
        raw = raw | {"metadata": raw["metadata"] | kept | metadata}
        self.store.upsert(raw["kind"], raw)

    async def run(self) -> Outcome:
        return await self._worker.run(KEY)

    def shows(self, text: str) -> bool:
        return text in self.metrics.exposition().decode()


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("fault", "expected", "result"),
    [
        (None, Again(5.0), "done"),
        (Outdated("changed"), Failed(), "outdated"),
        (Unavailable("busy", 7.0), Failed(7.0), "unavailable"),
        (Unavailable("away"), Failed(0.0), "unavailable"),
        (Refused("forbidden"), Again(REFUSED_SECONDS), "refused"),
        (NotOurs("Service", "vision"), Again(REFUSED_SECONDS), "refused"),
    ],
)
async def test_the_end_of_a_run_says_when_the_next_one_is(
    bench: Bench, fault: ClusterError | None, expected: Outcome, result: str
) -> None:
    """Soon on fresh data, after a while, as the API server asks, or only once somebody has acted."""
    bench.put(server_document())
    bench.controller.fault = fault

    assert await bench.run() == expected
    assert bench.shows(f'batchwright_operator_runs_total{{result="{result}"}} 1.0')
    assert bench.controller.logged == ["default/vision"]


async def test_why_a_run_is_tried_again_is_said_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning for each reason, however often it is tried; and anew once a run went well."""
    bench.put(server_document())
    told = []
    for fault in ("removed", "removed", "away", "removed", "", "removed"):
        caplog.clear()
        bench.controller.fault = Unavailable(fault) if fault else None
        await bench.run()
        told.append([item.message for item in caplog.records if item.levelno == logging.WARNING])
    removed, away = ([f"The run is tried again: {why}"] for why in ("removed", "away"))
    assert told == [removed, [], away, removed, [], removed]


async def test_a_calm_object_is_looked_at_at_the_resync(bench: Bench) -> None:
    """No object is left alone for longer than that."""
    bench.put(server_document())
    bench.controller.next_in = 10_000.0
    assert await bench.run() == Again(RESYNC)


async def test_pipelines_go_with_their_server_but_for_invalid_ones(bench: Bench) -> None:
    """A Pipeline that is not valid is told so with the path, and keeps none of the others out."""
    bench.put(server_document())
    bench.put(pipeline_document("good"))
    bench.put(pipeline_document("bad", nodes=[]))
    assert await bench.run() == Again(5.0)

    assert [item.name for item in bench.controller.ran[0].pipelines] == ["good"]
    [(name, status)] = bench.cluster.told
    assert name == "bad"
    assert status is not None
    accepted = get_condition(status.conditions, ConditionType.ACCEPTED)
    assert accepted is not None
    assert (accepted.reason, accepted.is_true) == ("InvalidSpec", False)
    assert "nodes: expected at least one" in accepted.message


async def test_an_invalid_object_is_told_once_and_changes_nothing(bench: Bench) -> None:
    """Ready is false with the path of the fault; said once, it is not said again."""
    document = server_document(replicas=-1)
    bench.put(document)
    assert await bench.run() == Again(RESYNC)
    [(_, status)] = bench.cluster.told
    assert isinstance(status, ModelServerStatus)
    ready = get_condition(status.conditions, ConditionType.READY)
    assert ready is not None
    assert ready.reason == "InvalidSpec"
    assert (ready.observed_generation, status.observed_generation) == (1, 0)
    assert "spec.replicas" in ready.message
    bench.put(document | {"status": status.model_dump(mode="json", by_alias=True)})
    await bench.run()

    assert len(bench.cluster.told) == 1
    assert bench.controller.ran == []


async def test_an_object_that_is_being_deleted_is_left_alone(bench: Bench) -> None:
    """What it owns goes with it, and nothing is put back meanwhile."""
    bench.put(server_document(), deletionTimestamp="2026-01-01T00:00:00Z")
    assert await bench.run() == Again(None)
    assert bench.controller.ran == []


async def test_an_object_that_is_gone_leaves_nothing_but_word_to_its_pipelines(bench: Bench) -> None:
    """It is forgotten, its series vanish, and its Pipelines say that it is missing."""
    bench.put(server_document())
    bench.put(pipeline_document("p"))
    await bench.run()
    assert bench.shows('batchwright_operator_modelserver_ready{name="vision",namespace="default"} 1.0')
    assert bench.shows('model="resnet",name="vision",namespace="default",strategy="Reload"} 1.0')
    assert bench.shows("batchwright_operator_switches_total 1.0")
    bench.store.remove_named("ModelServer", KEY, 1000)

    assert await bench.run() == Gone()
    assert bench.controller.forgotten == [KEY]
    assert not bench.shows('name="vision"')
    [(name, status)] = bench.cluster.told
    assert name == "p"
    assert status is not None
    assert {item.reason for item in status.conditions} == {"ModelServerNotFound"}
