"""The elector, in simulated time, over a store that can fail and hang."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.cluster.errors import Outdated, Refused, Unavailable
from batchwright_operator.workqueue.election import (
    Clocks,
    Elector,
    Sighting,
    Step,
    Terms,
    decide,
    see,
)
from batchwright_operator.workqueue.lease import Lease
from tests.support.simulated_time import simulate

TERMS = Terms()
LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)


def lease(holder: str = "other", *, version: str = "1", seconds: int = 15) -> Lease:
    return Lease(holder, LONG_AGO, LONG_AGO, duration_seconds=seconds, resource_version=version)


class Store:
    """One record. `fault` is raised by calls, `seconds` is what each takes."""

    def __init__(self) -> None:
        self.record: Lease | None = None
        self.fault: Exception | None = None
        self.seconds = 0.0
        self.swallowed_answers = 0
        self._version = 0

    async def read(self) -> Lease | None:
        await self._travel()
        return self.record

    async def create(self, lease: Lease) -> Lease:
        await self._travel()
        if self.record is not None:
            raise Outdated("there is one")
        return await self._keep(lease)

    async def update(self, lease: Lease) -> Lease:
        await self._travel()
        if self.record is None or lease.resource_version != self.record.resource_version:
            raise Outdated("another was faster")
        return await self._keep(lease)

    async def _travel(self) -> None:
        await asyncio.sleep(self.seconds)
        if self.fault is not None:
            raise self.fault

    async def _keep(self, lease: Lease) -> Lease:
        self._version += 1
        self.record = replace(lease, resource_version=str(self._version))
        if self.swallowed_answers:
            self.swallowed_answers -= 1
            await asyncio.sleep(1000)
        return self.record


class Replica:
    """One elector; `lost` keeps when and why it lost. Its wall clock is off by `skew_hours`."""

    def __init__(self, name: str, store: Store, *, skew_hours: float = 0.0) -> None:
        loop = asyncio.get_running_loop()
        wrong = timedelta(hours=skew_hours)
        self.lost: list[tuple[float, str]] = []
        self.elector = Elector(
            store,
            name,
            lost=lambda why: self.lost.append((loop.time(), why)),
            clocks=Clocks(steady=loop.time, utc=lambda: datetime.now(UTC) + wrong),
        )
        self._task = asyncio.create_task(self.elector.run())

    @property
    def is_leader(self) -> bool:
        return self.elector.is_leader

    def kill(self) -> None:
        self._task.cancel()


def tell(story: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
    """Run one story in simulated time."""

    async def run() -> None:
        await story(Store())

    simulate(run())


async def until(check: Callable[[], bool], *, seconds: float = 60.0) -> float:
    """When it became true, in simulated time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not check():
        assert loop.time() < end, f"not true within {seconds} s"
        await asyncio.sleep(0.1)
    return loop.time()


@pytest.mark.parametrize(
    ("known", "age", "expected"),
    [
        (None, 0.0, Step.CREATE),
        (lease(""), 0.0, Step.TAKE),
        (lease("me"), 0.0, Step.TAKE),
        (lease(), 14.9, Step.WAIT),
        (lease(), 15.0, Step.TAKE),
        (lease(seconds=40), 39.0, Step.WAIT),
        (lease(seconds=0), 15.0, Step.TAKE),
    ],
)
def test_only_a_silent_holder_is_replaced(known: Lease | None, age: float, expected: Step) -> None:
    """The record's age is what we saw of it; its own times are not looked at."""
    assert decide(Sighting(known, 100.0), "me", TERMS, now=100.0 + age) is expected


@given(st.lists(st.tuples(st.sampled_from(["1", "2"]), st.floats(0.1, 14.0)), min_size=1))
def test_a_record_that_changed_is_young_again(reads: list[tuple[str, float]]) -> None:
    """No holder is replaced within 15 s of a change of its record, whatever was seen before."""
    now, changed, sighting = 0.0, 0.0, None
    for version, seconds in reads:
        now += seconds
        if sighting is None or sighting.lease != lease(version=version):
            changed = now
        sighting = see(sighting, lease(version=version), now=now)
        assert sighting.since == changed
        assert (decide(sighting, "me", TERMS, now=now) is Step.TAKE) == (now - changed >= 15)


def test_one_leads_and_stays() -> None:
    """Of two that begin together exactly one leads, for as long as it renews."""

    async def story(store: Store) -> None:
        replicas = [Replica("a", store), Replica("b", store)]
        await until(lambda: any(item.is_leader for item in replicas), seconds=1)
        for _ in range(100):
            await asyncio.sleep(1)
            assert [item.is_leader for item in replicas].count(True) == 1
        assert store.record is not None
        assert store.record.transitions == 0

    tell(story)


@pytest.mark.parametrize("skew_hours", [0, 26, -26])
def test_a_dead_leader_is_replaced_whatever_its_clock_says(skew_hours: float) -> None:
    """Within 15 to 20 s of its death, and not earlier, another leads."""

    async def story(store: Store) -> None:
        first = Replica("a", store, skew_hours=skew_hours)
        await until(lambda: first.is_leader)
        second = Replica("b", store)
        await asyncio.sleep(30)
        assert not second.is_leader
        died = asyncio.get_running_loop().time()
        first.kill()
        took = await until(lambda: second.is_leader) - died

        assert 12.9 <= took <= 20.0  # the last renewal was up to 2 s before its death
        assert store.record is not None
        assert (store.record.holder, store.record.transitions) == ("b", 1)

    tell(story)


def test_a_released_lease_is_taken_at_once() -> None:
    """A leader that ends tells so, and its successor need not wait."""

    async def story(store: Store) -> None:
        first, second = Replica("a", store), Replica("b", store)
        await until(lambda: first.is_leader)
        first.kill()
        await first.elector.release()
        released = asyncio.get_running_loop().time()

        assert not first.is_leader
        assert await until(lambda: second.is_leader) - released <= 2.1

    tell(story)


@pytest.mark.parametrize("seconds", [0.0, 1000.0], ids=["refused", "hanging"])
def test_a_leader_that_is_cut_off_gives_up_before_it_is_replaced(seconds: float) -> None:
    """10 s after the last renewal, at the latest, it leads no more; others wait 15 s."""

    async def story(store: Store) -> None:
        leader = Replica("a", store)
        await until(lambda: leader.is_leader)
        cut = asyncio.get_running_loop().time()
        store.seconds, store.fault = seconds, Unavailable("cut off", None)
        await until(lambda: not leader.is_leader)
        await until(lambda: bool(leader.lost), seconds=1)

        assert [why for _, why in leader.lost] == ["it was not renewed in time"]
        assert leader.lost[0][0] - cut <= 10.0

    tell(story)


def test_a_lease_counts_from_when_its_renewal_was_begun() -> None:
    """Others' patience may begin before a slow answer is here: ours ends 10 s after the asking."""

    async def story(store: Store) -> None:
        leader = Replica("a", store)
        await until(lambda: leader.is_leader)
        store.seconds = 2.4
        await asyncio.sleep(20)
        record = store.record
        await until(lambda: store.record != record)  # written now, asked for 2.4 s ago
        begun = asyncio.get_running_loop().time() - 2.4
        store.fault = Unavailable("cut off", None)
        await until(lambda: bool(leader.lost))

        assert leader.lost[0][0] - begun <= 10.1

    tell(story)


def test_a_leader_survives_a_short_outage() -> None:
    """Six seconds of errors cost nothing."""

    async def story(store: Store) -> None:
        leader = Replica("a", store)
        await until(lambda: leader.is_leader)
        store.fault = Unavailable("restarting", None)
        await asyncio.sleep(6)
        store.fault = None
        await asyncio.sleep(30)

        assert (leader.is_leader, leader.lost) == (True, [])

    tell(story)


def test_an_answer_that_was_lost_does_not_cost_the_lease() -> None:
    """The renewal was written, its answer never came: the record says that it is still ours."""

    async def story(store: Store) -> None:
        leader = Replica("a", store)
        await until(lambda: leader.is_leader)
        store.swallowed_answers = 1
        await asyncio.sleep(60)

        assert (leader.is_leader, leader.lost) == (True, [])

    tell(story)


def test_an_election_whose_answer_was_lost_is_still_won() -> None:
    """A record that names us without our knowing is taken up, not waited for."""

    async def story(store: Store) -> None:
        store.swallowed_answers = 1
        replica = Replica("a", store)
        assert await until(lambda: replica.is_leader) < 10

    tell(story)


@pytest.mark.parametrize("record", [None, lease("thief", version="9")], ids=["deleted", "taken"])
def test_a_leader_whose_lease_is_anothers_ends(record: Lease | None) -> None:
    """It ends at its next renewal, without another write."""

    async def story(store: Store) -> None:
        leader = Replica("a", store)
        await until(lambda: leader.is_leader)
        store.record = record
        await until(lambda: bool(leader.lost), seconds=3)

        assert store.record == record
        assert not leader.is_leader

    tell(story)


def test_a_process_that_was_stopped_knows_that_it_leads_no_more() -> None:
    """Between two turns of its loop a paused leader's clock went on: it asks that, not its tasks."""

    async def story(store: Store) -> None:
        now = [0.0]
        elector = Elector(
            store, "a", lost=lambda _: None, clocks=Clocks(lambda: now[0], lambda: LONG_AGO)
        )
        task = asyncio.create_task(elector.run())
        await asyncio.wait_for(elector.elected.wait(), 1)
        now[0] += 9.0
        led_before = elector.is_leader
        now[0] += 1.0
        led = elector.is_leader
        task.cancel()

        assert (led_before, led) == (True, False)

    tell(story)


def test_a_lease_that_may_not_be_written_is_waited_for() -> None:
    """Missing rights are told and tried again, and end nothing."""

    async def story(store: Store) -> None:
        store.fault = Refused("forbidden")
        replica = Replica("a", store)
        await asyncio.sleep(30)
        store.fault = None
        await until(lambda: replica.is_leader, seconds=3)

        assert replica.lost == []

    tell(story)


def test_the_record_is_in_utc() -> None:
    """Times are written with their zone, which is UTC."""

    async def story(store: Store) -> None:
        replica = Replica("a", store)
        await until(lambda: replica.is_leader)
        assert store.record is not None
        assert store.record.renew_time is not None
        assert store.record.renew_time.utcoffset() == timedelta(0)

    tell(story)
