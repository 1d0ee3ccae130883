"""Traces against real servers: clients, what the simulator is told of costs, what is compared."""

import asyncio

import pytest

from batchwright_server.config import signals
from batchwright_server.config.plan import Plan
from benchmarks.policy import profiles, suite
from benchmarks.policy.real import cases, clients, comparison, section
from benchmarks.policy.real.runs import Run
from benchmarks.policy.real.server import to_profile
from benchmarks.policy.replay import Outcome
from benchmarks.policy.scripts import Item, Tape
from tests.support.simulated_time import simulate

PLAN = suite.USUAL[0]
PROFILE = profiles.load_profiles()["resnet50-int8"]


class Answers:
    """Answers in the order in which they are let go; knows who waits."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.most = 0
        self._waiting = 0

    async def send(self, size: int) -> None:
        self.asked.append(size)
        self._waiting += 1
        self.most = max(self.most, self._waiting)
        for _ in range(3):
            await asyncio.sleep(0)
        self._waiting -= 1


@pytest.mark.parametrize("count", [1, 3])
async def test_clients_ask_for_the_whole_script_with_one_request_each(count: int) -> None:
    """In the script's order, by as many at a time as it wants, and its windows are told one by one."""
    answers = Answers()
    items = [Item(size, 0.0, count, size // 5) for size in range(20)]
    asking = clients.Clients(Tape(items), PLAN, [answers.send] * count)
    windows = await asking.run()
    assert answers.asked == [item.size for item in items]
    assert answers.most == count
    assert len(windows) == 4
    assert all(seconds > 0 for seconds in windows)


def test_only_time_with_requests_in_the_server_is_cost() -> None:
    """Each window's is what its requests took; pauses are nobody's, and none counts twice."""

    async def serve(size: int) -> None:
        await asyncio.sleep(size)

    items = [Item(2, 1.0, 1, 0), Item(3, 1.0, 1, 0), Item(4, 5.0, 1, 1)]
    assert simulate(clients.Clients(Tape(items), PLAN, [serve]).run()) == (5.0, 4.0)
    together = [Item(4, 0.0, 2, 0), Item(6, 0.0, 2, 0)]
    assert simulate(clients.Clients(Tape(together), PLAN, [serve] * 2).run()) == (6.0,)


async def test_clients_come_and_go_as_the_script_wants() -> None:
    """More of them ask as soon as it says so, and fewer afterwards."""
    answers, fewer = Answers(), Answers()
    busy = [Item(1, 0.0, 4, 0) for _ in range(12)]
    calm = [Item(2, 0.0, 1, 1) for _ in range(6)]
    switch = fewer.send

    async def send(size: int) -> None:
        await (answers.send(size) if size == 1 else switch(size))

    await clients.Clients(Tape([*busy, *calm]), PLAN, [send] * 4).run()
    assert (answers.most, len(answers.asked)) == (4, 12)
    assert (fewer.most, len(fewer.asked)) == (1, 6)


async def test_a_request_that_fails_ends_the_run() -> None:
    """What a server refused is no cost, so nothing is told of it."""

    async def refuse(_size: int) -> None:
        raise ConnectionError("refused")

    with pytest.raises(ExceptionGroup, match="TaskGroup"):
        await clients.Clients(Tape([Item(1, 0.0, 1, 0)]), PLAN, [refuse]).run()


def test_the_simulator_is_told_what_the_server_measured() -> None:
    """Every plan's work and span at the sizes that were measured, and the reload's."""
    told = _told()
    profile = to_profile("m", told)
    model = told.models[0]
    assert set(profile.plans) == {cost.plan.plan for cost in model.costs}
    for cost in model.costs:
        run = profile.plans[cost.plan.plan].run
        found = [(run.work.at(it.batch_size), run.span.at(it.batch_size)) for it in cost.points]
        assert found == [(it.work_seconds, it.span_seconds) for it in cost.points]
    assert {(it.work.at(7), it.span.at(7)) for it in profile.reload.values()} == {(0.4, 0.2)}


@pytest.mark.parametrize("name", cases.NAMES)
def test_a_trace_is_cut_to_what_its_worst_plan_serves_in_time(name: str) -> None:
    """Within the seconds that are given, and hardly shorter than they allow."""
    case = cases.make(name, PROFILE, 5, 10.0)
    assert 5.0 < cases.dearest(case, PROFILE) <= 10.0


def test_less_of_the_machine_makes_everything_dearer() -> None:
    """Half of the processors, up to twice the seconds, for the same work."""
    case = cases.make("two-fast", PROFILE, 5, 10.0)
    for plan in suite.USUAL:
        alone, disturbed = (case.simulate(PROFILE, str(plan), it) for it in (None, 1.0))
        assert 1.1 < disturbed.total / alone.total <= 2.01
        assert disturbed.work == pytest.approx(alone.work, rel=0.2)


def test_rounds_are_compared_with_themselves() -> None:
    """Ratios and regret are of runs of one round, whatever the machine did in another."""
    case = cases.make("steady-8", PROFILE, 5, 5.0)
    seconds = {"dynamic/one": 2.0, "reload/one": 4.0, "policy": 3.0}
    runs = [
        Run(
            case,
            number,
            name,
            real=(slow * cost,),
            simulated=Outcome((cost,), work=cost),
            disturbed=Outcome((2 * cost,), work=cost),
            moves=(),
            work=slow * cost,
            foreign=1.0,
        )
        for number, slow in enumerate((1.0, 10.0))
        for name, cost in seconds.items()
    ]
    found = comparison.to_document(runs)[0]
    assert found["regret"] == found["simulatedRegret"] == [0.5, 0.5, 0.5]
    assert found["plans"]["dynamic/one"]["ratio"] == [3.25, 5.5, 7.75]
    assert found["plans"]["dynamic/one"]["disturbedRatio"] == [1.625, 2.75, 3.875]
    assert list(found["plans"])[-1] == "policy"
    machine = {"processor": "any", "cores": 2, "date": "2026-01-01", "load": [1, 2]}
    told = section.render({"cases": [{**found, "machine": machine}]})
    assert "50.0</b> (50.0 to 50.0) %" in told
    assert told.count("<circle") == len(runs)


def _told() -> signals.Signals:
    costs = tuple(_plan_cost(plan, factor) for factor, plan in enumerate(suite.USUAL, 1))
    counters = signals.ModelCounters(
        requests={},
        failed_requests=0,
        samples=0,
        in_flight_seconds=0.0,
        reloads=0,
        reload_seconds=0.0,
        queue_wait_seconds=0.0,
        would_reloads=0,
    )
    reload = signals.ReloadCost(work_seconds=0.4, span_seconds=0.2)
    model = signals.ModelSignals(
        name="m", version=1, state="AVAILABLE", counters=counters, costs=costs, reload_cost=reload
    )
    return signals.Signals(
        process="p",
        uptime_seconds=1.0,
        cpu_seconds=1.0,
        cores=2,
        ready=True,
        config=signals.ConfigState(hash=""),
        models=(model,),
    )


def _plan_cost(plan: Plan, factor: int) -> signals.PlanCost:
    sizes = (1, 4, 16)
    points = tuple(
        signals.CostPoint(batch_size=it, work_seconds=factor * it, span_seconds=factor * it / 2)
        for it in sizes
    )
    return signals.PlanCost(
        plan=signals.PlanName.of(plan),
        points=points,
        prepare_seconds=1.0,
        source=signals.CostSource.CALIBRATION,
    )
