"""The keyed queue, by a clock that the tests turn."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.workqueue.backoff import Backoff
from batchwright_operator.workqueue.keyed import KeyedQueue


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> KeyedQueue[str]:
    return KeyedQueue(clock, Backoff(lambda: 0.0, first=1.0, limit=8.0))


def take_all(queue: KeyedQueue[str]) -> list[str]:
    taken = []
    while (key := queue.take()) is not None:
        taken.append(key)
    return taken


def test_requests_for_one_key_are_one(queue: KeyedQueue[str]) -> None:
    """However often a key is asked for, it runs once."""
    for _ in range(3):
        queue.add("a")
    queue.add("b")

    assert take_all(queue) == ["a", "b"]


def test_the_earliest_time_wins(queue: KeyedQueue[str], clock: Clock) -> None:
    """A later request delays nothing, an earlier one brings forward."""
    queue.add_at("a", 110.0)
    queue.add_at("a", 120.0)
    assert (queue.take(), queue.next_in()) == (None, 10.0)
    queue.add_at("a", 105.0)
    clock.now = 105.0

    assert take_all(queue) == ["a"]
    assert queue.next_in() is None


def test_what_comes_during_a_run_is_another_run(queue: KeyedQueue[str]) -> None:
    """A change that a run may not have seen is run once more, after it."""
    queue.add("a")
    assert queue.take() == "a"
    queue.add("a")
    queue.add("a")
    assert queue.take() is None
    queue.done("a")

    assert take_all(queue) == ["a"]


def test_the_earliest_time_wins_during_a_run_too(queue: KeyedQueue[str], clock: Clock) -> None:
    """What is asked for while a key runs is no less exact."""
    queue.add("a")
    assert queue.take() == "a"
    for when in (110.0, 105.0, 120.0):
        queue.add_at("a", when)
    queue.done("a")

    assert queue.next_in() == 5.0


def test_failures_wait_longer_each_time(queue: KeyedQueue[str], clock: Clock) -> None:
    """The back-off doubles up to its limit, and a success ends it."""
    delays = []
    queue.add("a")
    for _ in range(5):
        assert queue.take() == "a"
        delays.append(queue.fail("a"))
        clock.now += delays[-1]
    assert delays == [1.0, 2.0, 4.0, 8.0, 8.0]

    assert queue.take() == "a"
    queue.done("a")
    queue.add("a")
    assert queue.take() == "a"
    assert queue.fail("a") == 1.0


def test_no_request_shortens_a_back_off(queue: KeyedQueue[str], clock: Clock) -> None:
    """A key whose events are many does not hammer a server that is down."""
    queue.add("a")
    assert queue.take() == "a"
    assert queue.fail("a", at_least=5.0) == 5.0
    queue.add("a")
    clock.now += 4.9
    assert queue.take() is None
    clock.now += 0.2

    assert queue.take() == "a"


def test_a_key_that_never_rests_does_not_starve_others(queue: KeyedQueue[str], clock: Clock) -> None:
    """With one worker, keys take turns."""
    for key in "abc":
        queue.add(key)
    runs: Counter[str] = Counter()
    for _ in range(9):
        taken = queue.take()
        assert taken is not None
        runs[taken] += 1
        clock.now += 1
        queue.add(taken)
        queue.done(taken)

    assert runs == {"a": 3, "b": 3, "c": 3}


def test_stats_tell_what_waits_and_since_when(queue: KeyedQueue[str], clock: Clock) -> None:
    """Liveness and metrics see the depth, the oldest wait and the longest run."""
    queue.add("running")
    queue.take()
    clock.now += 3
    queue.add("due")
    queue.add_at("later", 200.0)
    clock.now += 2

    stats = queue.stats()
    assert (stats.due, stats.scheduled, stats.running, stats.runs) == (1, 1, 1, 1)
    assert (stats.oldest_wait, stats.longest_run) == (2.0, 5.0)


_KEYS = st.sampled_from("abcd")
_STEPS = st.one_of(
    st.tuples(st.just("add"), _KEYS),
    st.tuples(st.just("add_at"), st.tuples(_KEYS, st.integers(0, 20))),
    st.tuples(st.just("take"), st.none()),
    st.tuples(st.just("end"), st.booleans()),
    st.tuples(st.just("pass"), st.integers(1, 10)),
)


class _History:
    """A queue, with what was asked of it and what it has not yet answered."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.queue: KeyedQueue[str] = KeyedQueue(self.clock, Backoff(lambda: 0.5))
        self.running: list[str] = []
        self.owed: dict[str, float] = {}  # the earliest time asked for, not before a run began

    def step(self, what: str, argument: object) -> None:
        match what, argument:
            case "add", str(key):
                self.queue.add(key)
                self.owe(key, self.clock.now)
            case "add_at", (str(key), int(seconds)):
                self.queue.add_at(key, self.clock.now + seconds)
                self.owe(key, self.clock.now + seconds)
            case "take", _:
                self.take()
            case "end", bool(is_well) if self.running:
                self.end(self.running.pop(0), is_well=is_well)
            case "pass", int(seconds):
                self.clock.now += seconds

    def owe(self, key: str, when: float) -> None:
        self.owed[key] = min(when, self.owed.get(key, when))

    def take(self) -> None:
        key = self.queue.take()
        if key is not None:
            assert key not in self.running, "two runs of one key at a time"
            assert self.owed.pop(key) <= self.clock.now, "a run that nobody asked for yet"
            self.running.append(key)

    def end(self, key: str, *, is_well: bool) -> None:
        if is_well:
            self.queue.done(key)
        else:
            self.owe(key, self.clock.now + self.queue.fail(key))


@given(st.lists(_STEPS, max_size=60))
def test_nothing_is_lost_and_nothing_runs_twice_at_once(steps: list[tuple[str, object]]) -> None:
    """In any history: one run of a key at a time, none unasked, and each request is answered."""
    history = _History()
    for what, argument in steps:
        history.step(what, argument)
    while history.running:
        history.end(history.running.pop(), is_well=True)
    history.clock.now += 1000
    for _ in range(len(history.owed)):
        history.take()
        history.queue.done(history.running.pop())

    assert history.owed == {}
    assert history.queue.take() is None
