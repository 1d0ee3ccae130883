"""Pods whose servers are several processes: to the operator and the policy they are pods like others."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.cluster import switching
from tests.support.cluster.apiclient import Object
from tests.support.cluster.serviceclient import Load
from tests.support.cluster.stage import Stage, tiny
from tests.support.polling import eventually

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]

CLIENTS = 8  # each with connections of its own, so that both workers of a pod have some


async def test_the_policy_switches_workers_in_place(stage: Stage) -> None:
    """What all of them count is weighed, each of them takes the plan, and no request fails."""
    await stage.open()
    await stage.create(tiny(batching=switching.adaptive()), workers=2)
    await stage.settled(seconds=120)
    before = await stage.processes()
    [pid] = before.values()
    first = workers(pid)
    assert len(first) == 2
    async with AsyncExitStack() as stack:
        loads = [await asking(stack, stage) for _ in range(CLIENTS)]
        await switching.switched(stage.api, stage.namespace, seconds=120)
        found = await stage.settled(seconds=60)
        for load in loads:
            await load.answered(5)
    for load in loads:
        load.results.require_flawless()
    stage.say(decision(found))
    assert await stage.processes() == before
    assert workers(pid) == first
    answered = sum(load.results.answered for load in loads)
    await eventually(lambda: counts(stage, answered))
    [told] = await stage.signals()
    assert told.models[0].plan is not None
    assert told.models[0].plan.strategy == "demultiplex"
    assert told.cores == len(os.sched_getaffinity(0))
    assert (found["status"]["replicas"], found["status"]["readyReplicas"]) == (1, 1)


async def test_another_number_of_workers_replaces_the_pods(stage: Stage) -> None:
    """One after the other, as any change of the pods does; clients notice nothing."""
    await stage.open()
    await stage.create()
    await stage.settled()
    before = await stage.processes()
    async with stage.client() as service, service.load("m", sizes=[1, 3], clients=2) as load:
        await load.answered(20)
        await stage.edit(workers=2)
        await stage.settled(seconds=120)
        await eventually(lambda: are_others(stage, before), seconds=60)
        await load.answered(20)
    load.results.require_flawless()
    [pid] = (await stage.processes()).values()
    assert len(workers(pid)) == 2


def workers(pid: int) -> list[int]:
    """The processes that one has started."""
    return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def asking(stack: AsyncExitStack, stage: Stage) -> Load:
    """A client of the Service with a connection of its own, which asks from now on."""
    service = await stack.enter_async_context(stage.client())
    return await stack.enter_async_context(service.load("m", sizes=switching.SIZES))


async def counts(stage: Stage, answered: int) -> bool:
    """Whether the pod's signals count that many requests."""
    [told] = await stage.signals()
    return sum(told.models[0].counters.requests.values()) == answered


async def are_others(stage: Stage, before: dict[str, int]) -> bool:
    """Whether none of these pods is left, and others are there."""
    now = await stage.processes()
    return bool(now) and not now.keys() & before.keys()


def decision(found: Object) -> str:
    """Why the model is served as it is."""
    return str(found["status"]["models"][0]["decision"]["message"])
