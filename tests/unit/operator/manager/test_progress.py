"""The probe of the queue."""

from dataclasses import replace

import pytest

from batchwright_operator.manager.progress import Progress
from batchwright_operator.workqueue.keyed import Stats

QUIET = Stats(due=0, scheduled=1, running=0, failing=0, oldest_wait=0.0, longest_run=0.0, runs=1)


class Bench:
    """A queue and a clock that are set by hand."""

    def __init__(self) -> None:
        self.stats = QUIET
        self.now = 0.0
        self.is_serving = True
        self.progress = Progress(lambda: self.stats, 2, lambda: self.is_serving, lambda: self.now)

    def check_for(self, seconds: int) -> str:
        """What is said after probes of so many seconds."""
        said = self.progress.check()
        for _ in range(0, seconds, 10):
            self.now += 10
            said = self.progress.check()
        return said


def test_a_run_that_does_not_end_is_told() -> None:
    """A run that is not over long after it was cancelled fails the probe, within 90 s of its begin."""
    bench = Bench()
    bench.stats = replace(QUIET, running=1, longest_run=79.0)
    assert bench.check_for(0) == ""
    bench.stats = replace(QUIET, running=1, longest_run=81.0)
    assert bench.check_for(0) == "a run has not ended for 81 s"


def test_a_queue_that_nobody_takes_from_is_told() -> None:
    """What is due while a worker is free is taken at once, or the probe fails after a minute."""
    bench = Bench()
    bench.stats = replace(QUIET, due=3, running=1)
    assert bench.check_for(60) == ""
    assert bench.check_for(10) == "3 objects wait and no run begins for 70 s"
    bench.stats = QUIET
    assert bench.check_for(0) == ""
    bench.stats = replace(QUIET, due=3, running=1)
    assert bench.check_for(60) == ""
    bench.stats = replace(QUIET, due=3, running=1, runs=2)
    assert bench.check_for(60) == ""


@pytest.mark.parametrize("stats", [replace(QUIET, due=900, running=2, oldest_wait=500.0), QUIET])
def test_a_busy_queue_is_no_stuck_one(stats: Stats) -> None:
    """With all workers at work, or with nothing due, nothing is wrong however long it lasts."""
    bench = Bench()
    bench.stats = stats
    assert bench.check_for(600) == ""


def test_a_replica_that_does_not_lead_is_not_asked() -> None:
    """What is due waits for the leader."""
    bench = Bench()
    bench.stats, bench.is_serving = replace(QUIET, due=3), False
    assert bench.check_for(600) == ""
