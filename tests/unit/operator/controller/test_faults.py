"""What stands against a run: objects that are not ours, refusals, drift, and an operator that dies."""

from itertools import pairwise

import pytest

from batchwright_operator.cluster.errors import ClusterError, NotOurs, Outdated, Refused, Unavailable
from batchwright_operator.policy.state import ModelState
from batchwright_operator.resources.conditions import ConditionType
from tests.support.controller_bench import Bench, condition, plans_of, refusing
from tests.support.fake_cluster import Trouble
from tests.support.modelservers import DEMULTIPLEX, RELOAD, make_server, model_document
from tests.support.pipelines import make_pipeline

SERVER = make_server(replicas=2)
PINNED = make_server(model_document(batching={"strategy": "Demultiplex"}), replicas=2)


class Death(Exception):
    """The operator's process ends here."""


def failing(write: str, error: Exception) -> Trouble:
    """The trouble of one kind of write."""

    def trouble(what: str) -> None:
        if what == write:
            raise error

    return trouble


@pytest.mark.parametrize(
    ("error", "reason", "pause"),
    [
        (NotOurs("Service", "vision", "Deployment x"), "ObjectNotOwned", 10),
        (Refused("spec.ports: Invalid"), "ApplyRefused", 60),
    ],
)
async def test_an_object_that_cannot_be_written(error: ClusterError, reason: str, pause: float) -> None:
    """The condition and one event name it, the rest goes on, and it is tried again after a pause."""
    bench = Bench()
    bench.cluster.trouble = failing("apply Service", error)
    run = await bench.run(SERVER, times=4)
    ready = condition(run, ConditionType.READY)
    assert (ready.status, ready.reason) == ("False", reason)
    assert "Service vision" in ready.message
    assert bench.reasons().count(reason) == 1
    assert condition(run, ConditionType.CONFIG_APPLIED).is_true
    attempts: list[str] = []
    bench.cluster.trouble = attempts.append
    await bench.run(SERVER, times=3)
    assert "apply Service" not in attempts
    run = await bench.run(SERVER, times=2, seconds=pause)
    assert "apply Service" in attempts
    assert condition(run, ConditionType.READY).is_true


async def test_pods_never_start_from_a_foreign_document() -> None:
    """With the ConfigMap's name taken there is no Deployment, and so no pod."""
    bench = Bench()
    bench.cluster.trouble = failing("apply ConfigMap", NotOurs("ConfigMap", "vision-config"))
    run = await bench.run(SERVER, times=3)
    assert "apply Deployment" not in bench.cluster.writes
    assert "apply Service" in bench.cluster.writes
    assert "vision-config" in condition(run, ConditionType.READY).message


async def test_edited_and_removed_objects_are_mended() -> None:
    """Somebody else's change of what is rendered is undone at the next look."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    objects = bench.cluster.objects
    bench.cluster.edit("Deployment", "vision", ("spec", "replicas"), 7)
    bench.cluster.edit("ConfigMap", "vision-config", ("data", "config.json"), "{}")
    del objects["PodDisruptionBudget", "vision"]
    bench.cluster.writes.clear()
    await bench.run(SERVER, times=2)
    assert objects["Deployment", "vision"]["spec"]["replicas"] == 2
    assert plans_of(objects["ConfigMap", "vision-config"]["data"]["config.json"]) == RELOAD
    applied = [write for write in bench.cluster.writes if write.startswith("apply")]
    assert sorted(applied) == ["apply ConfigMap", "apply Deployment", "apply PodDisruptionBudget"]


async def test_what_is_no_longer_asked_for_is_removed() -> None:
    """An object that exists on request goes with the request."""
    bench = Bench()
    await bench.run(make_server(networkPolicy={}), times=2)
    assert ("NetworkPolicy", "vision") in bench.cluster.objects
    await bench.run(make_server().with_generation(2))
    assert ("NetworkPolicy", "vision") not in bench.cluster.objects


async def test_a_commit_over_something_newer_is_run_again() -> None:
    """What is not as it was seen is not written over; the next run sees it as it is."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    await bench.run(PINNED.with_generation(2))
    bench.cluster.trouble = failing("apply ConfigMap", Outdated("changed"))
    with pytest.raises(Outdated):
        await bench.run(PINNED.with_generation(2))
    bench.cluster.trouble = lambda _: None
    run = await bench.run(PINNED.with_generation(2), times=2)
    assert condition(run, ConditionType.CONFIG_APPLIED).is_true


@pytest.mark.parametrize("write", ["status", "event", "apply ConfigMap"])
async def test_nothing_is_told_or_decided_twice(write: str) -> None:
    """A run that fails at any write and is run again switches once."""
    bench = Bench()
    await bench.run(SERVER, times=3)
    bench.cluster.fake(1).refuse = refusing(DEMULTIPLEX)
    bench.switch(SERVER, DEMULTIPLEX)
    for _ in range(3):
        bench.cluster.trouble = failing(write, Unavailable("later"))
        try:
            await bench.run(SERVER)
        except Unavailable:
            bench.cluster.trouble = lambda _: None
            await bench.run(SERVER)
    run = await bench.run(SERVER, times=3)
    state = run.tuned[0].state
    assert state is not None
    assert (state.plan, state.flaps) == (RELOAD, 1)
    assert bench.reasons().count("StrategyReturned") <= 1
    assert [failure.count for failure in state.failures] == [1]


async def _live(bench: Bench, *, is_refused: bool, deaths: dict[int, str]) -> int:
    """A life with a switch, in which the operator dies at the given writes; how many there were."""
    count = 0

    def note(when: str) -> Trouble:
        def die(_: str) -> None:
            nonlocal count
            count += when == "before"
            if deaths.pop(count, "") == when:
                raise Death

        return die

    bench.cluster.trouble, bench.cluster.afterwards = note("before"), note("after")
    for index in range(16):
        if index == 5:
            _decide(bench, is_refused=is_refused)
        try:
            await bench.run(SERVER)
        except Death:
            bench.restart()
    return count


def _decide(bench: Bench, *, is_refused: bool) -> None:
    """The policy's switch, as it is found in the status that a run has just written."""
    assert bench.cluster.status is not None
    (model,) = bench.cluster.status.models
    state = bench.switched(
        ModelState.from_status(model.policy) or ModelState.initial(RELOAD, 0), DEMULTIPLEX
    )
    changed = model.model_copy(update={"policy": state.to_status()})
    bench.cluster.status = bench.cluster.status.model_copy(update={"models": (changed,)})
    bench.restart()
    if is_refused:
        bench.cluster.fake(1).refuse = refusing(DEMULTIPLEX)


@pytest.mark.parametrize("is_refused", [False, True])
async def test_an_operator_that_dies_at_any_step(*, is_refused: bool) -> None:
    """Before or after any write: the same end, one switch, and no refused document committed."""
    writes = await _live(Bench(), is_refused=is_refused, deaths={})
    assert writes > 15
    for number in range(1, writes + 1):
        for when in ("before", "after"):
            bench = Bench()
            await _live(bench, is_refused=is_refused, deaths={number: when})
            run = await bench.run(SERVER, times=6)
            wanted = RELOAD if is_refused else DEMULTIPLEX
            serving = {plans_of(pod.document) for pod in bench.cluster.pods.pods.values()}
            assert serving == {wanted}, (number, when)
            assert plans_of(bench.cluster.document or "") == wanted
            assert all(found.is_true for found in run.status.conditions), (number, when)
            plans = [plans_of(text) for text in bench.cluster.commits]
            changes = sum(one != two for one, two in pairwise(plans))
            assert changes == (0 if is_refused else 1)


async def test_another_process_tells_nothing_again() -> None:
    """Statuses and events of Pipelines are told once, and since when a thing holds stays as it was."""
    bench = Bench()
    server = make_server(model_document("m")).with_pipelines((make_pipeline("twice"),))
    await bench.run(server, times=4)
    told, count = bench.cluster.pipelines["twice"], len(bench.cluster.events)
    assert all(item.is_true for item in told.conditions)
    bench.restart()
    bench.cluster.writes.clear()

    await bench.run(server, times=3)
    assert bench.cluster.pipelines["twice"] == told
    assert "status of twice" not in bench.cluster.writes
    assert len(bench.cluster.events) == count


@pytest.mark.parametrize("name", ["status", "status of twice"])
async def test_a_status_whose_write_failed_is_not_taken_for_what_it_was(name: str) -> None:
    """It may have been written all the same, and is written again although nothing is new."""
    bench = Bench()
    server = make_server(model_document("m")).with_pipelines((make_pipeline("twice"),))
    await bench.run(server, times=4)
    wanted = bench.cluster.status, bench.cluster.pipelines["twice"]
    bench.cluster.show(bench.cluster.shown[0].name, ready=False)
    bench.cluster.afterwards = failing(name, Unavailable("no answer in time"))
    with pytest.raises(Unavailable):
        await bench.run(server)
    assert (bench.cluster.status, bench.cluster.pipelines["twice"]) != wanted

    bench.cluster.afterwards = lambda _: None
    bench.cluster.show(bench.cluster.shown[0].name, ready=True)
    await bench.run(server, times=2)
    assert bench.cluster.status is not None
    assert all(item.is_true for item in bench.cluster.status.conditions)
    assert all(item.is_true for item in bench.cluster.pipelines["twice"].conditions)


async def test_what_was_told_before_a_write_failed_stays_told() -> None:
    """Of two Pipelines the first one's status was written: it is remembered, and its events are told."""
    bench = Bench()
    server = make_server(model_document("m"))
    server = server.with_pipelines((make_pipeline("first"), make_pipeline("second")))
    bench.cluster.trouble = failing("status of second", Unavailable("no answer"))
    for _ in range(6):
        with pytest.raises(Unavailable):
            await bench.run(server)
        bench.cluster.step()
    bench.cluster.trouble = lambda _: None
    await bench.run(server, times=6)
    told = [event.pipeline for event in bench.cluster.events if event.reason == "PipelineServing"]
    assert sorted(told) == ["first", "second"]
