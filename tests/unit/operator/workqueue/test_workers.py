"""Workers, in simulated time."""

import asyncio
import logging

import pytest

from batchwright_operator.workqueue.backoff import Backoff
from batchwright_operator.workqueue.keyed import KeyedQueue
from batchwright_operator.workqueue.workers import Again, Failed, Gone, Outcome, Workers
from tests.support.simulated_time import simulate


class Story:
    """Runs that take a second each, and what they are told to say at their end."""

    def __init__(self, count: int = 2, limit_seconds: float = 60.0) -> None:
        loop = asyncio.get_running_loop()
        self.queue: KeyedQueue[str] = KeyedQueue(loop.time, Backoff(lambda: 0.0, first=4.0))
        self.workers = Workers(
            self.queue, self.run, clock=loop.time, count=count, limit_seconds=limit_seconds
        )
        self.begun: list[tuple[float, str]] = []
        self.ended: list[str] = []
        self.outcomes: dict[str, list[Outcome]] = {}
        self.seconds = 1.0
        self.slow: dict[str, float] = {}  # keys whose runs take longer
        self._loop = loop

    async def run(self, key: str) -> Outcome:
        self.begun.append((self._loop.time(), key))
        await asyncio.sleep(self.slow.get(key, self.seconds))
        self.ended.append(key)
        if key == "broken":
            raise ZeroDivisionError
        outcomes = self.outcomes.get(key)
        return outcomes.pop(0) if outcomes else Again(None)

    async def during(self, seconds: float) -> None:
        """Serve for so long."""
        serving = asyncio.create_task(self.workers.serve())
        await asyncio.sleep(seconds)
        await self.workers.stop(10.0)
        await serving


def test_runs_are_begun_when_due_and_repeated_as_said() -> None:
    """`Again` brings the next run, `Failed` after the back-off, `Gone` none."""

    async def story() -> list[tuple[float, str]]:
        told = Story()
        told.outcomes = {"a": [Again(10.0), Failed(), Gone()], "b": [Failed(at_least=20.0)]}
        told.workers.add_at("a", 5.0)
        told.workers.add_at("b", 6.0)
        await told.during(100.0)
        return told.begun

    assert simulate(story()) == [(5.0, "a"), (6.0, "b"), (16.0, "a"), (21.0, "a"), (27.0, "b")]


def test_no_more_runs_at_a_time_than_workers() -> None:
    """The third key waits for one of two workers."""

    async def story() -> list[tuple[float, str]]:
        told = Story(count=2)
        for key in "abc":
            told.workers.add(key)
        await told.during(5.0)
        return told.begun

    assert simulate(story()) == [(0.0, "a"), (0.0, "b"), (1.0, "c")]


def test_a_slow_run_of_one_object_delays_no_other() -> None:
    """While one is at it for a minute, another is looked at every three seconds as before."""

    async def story() -> list[float]:
        told = Story(count=2, limit_seconds=120.0)
        told.slow = {"slow": 60.0}
        told.outcomes = {"quick": [Again(3.0) for _ in range(15)]}
        told.workers.add("slow")
        told.workers.add("quick")
        await told.during(58.0)
        return [at for at, key in told.begun if key == "quick"]

    assert simulate(story()) == [4.0 * turn for turn in range(15)]


def test_a_request_wakes_a_worker_that_waits() -> None:
    """Nothing is polled: a key that is added while all is quiet begins at once."""

    async def story() -> list[tuple[float, str]]:
        told = Story()
        asyncio.get_running_loop().call_at(3.0, told.workers.add, "a")
        await told.during(10.0)
        return told.begun

    assert simulate(story()) == [(3.0, "a")]


def test_a_fault_in_one_object_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    """An exception is logged with the object's key, backed off, and ends nothing."""

    async def story() -> list[tuple[float, str]]:
        told = Story(count=1)
        told.workers.add("broken")
        told.workers.add("a")
        await told.during(4.0)
        return told.begun

    with caplog.at_level(logging.ERROR):
        assert simulate(story()) == [(0.0, "broken"), (1.0, "a")]
    assert [record.__dict__["fields"]["object"] for record in caplog.records] == ["broken"]


def test_a_run_that_never_ends_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    """A worker is not lost to a call that hangs."""

    async def story() -> list[tuple[float, str]]:
        told = Story(count=1, limit_seconds=30.0)
        told.seconds = 1000.0
        told.workers.add("a")
        await told.during(40.0)
        return told.begun

    with caplog.at_level(logging.ERROR):
        assert simulate(story()) == [(0.0, "a"), (34.0, "a")]
    assert "took too long" in caplog.text


def test_stopping_ends_what_is_under_way_and_begins_nothing() -> None:
    """A stop waits for the runs under way, and keys that are due stay where they are."""

    async def story() -> tuple[list[str], float, int]:
        told = Story(count=1)
        told.seconds = 4.0
        told.workers.add("a")
        told.workers.add("b")
        await told.during(1.0)
        return told.ended, asyncio.get_running_loop().time(), told.queue.stats().due

    assert simulate(story()) == (["a"], 4.0, 1)


def test_stopping_waits_no_longer_than_it_is_given() -> None:
    """A run that does not end in time is cancelled."""

    async def story() -> tuple[list[str], float]:
        told = Story()
        told.seconds = 50.0
        told.workers.add("a")
        await told.during(1.0)
        return told.ended, asyncio.get_running_loop().time()

    assert simulate(story()) == ([], 11.0)
