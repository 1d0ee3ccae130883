import random

from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core.frequency import Frequencies
from batchwright_server.core.residency import Bounds, Residency
from benchmarks import cache_admission

sizes_asked = st.lists(st.integers(1, 12), max_size=120)


def ask(residency: Residency, size: int, size_bytes: int = 0) -> tuple[bool, list[int]]:
    """Whether it was there, and what had to go for it."""
    residency.note(size)
    if size in residency:
        return True, []
    evicted = residency.admit(size, size_bytes)
    assert all(isinstance(old, int) for old in evicted)
    return False, [old for old in evicted if isinstance(old, int)]


@given(sizes=sizes_asked, entries=st.integers(1, 5), most=st.none() | st.integers(0, 30))
def test_the_bounds_hold_and_nothing_is_lost(sizes: list[int], entries: int, most: int | None) -> None:
    """Never more entries or bytes than allowed, and every size that came either stays or was let go."""
    residency = Residency(Bounds(entries, most))
    here: set[int] = set()
    for size in sizes:
        was_here, evicted = ask(residency, size, size_bytes=size)
        assert was_here == (size in here)
        here = (here | {size}) - set(evicted)

        assert set(residency) == here
        assert len(residency) == len(here) <= entries
        assert residency.size_bytes == sum(here)
        assert most is None or residency.size_bytes <= most


@given(sizes=sizes_asked)
def test_one_entry_is_the_one_used_last(sizes: list[int]) -> None:
    """With room for one there is no choice: as OpenVINO Model Server, the size that came last."""
    residency = Residency(Bounds(1))
    for size in sizes:
        ask(residency, size)
        assert list(residency) == [size]


@given(
    hot=st.lists(st.integers(1, 50), min_size=1, max_size=3, unique=True),
    cycle=st.integers(5, 40),
    rounds=st.integers(30, 60),
)
def test_a_client_that_cycles_evicts_none_that_is_asked_for_often(
    hot: list[int], cycle: int, rounds: int
) -> None:
    """With a place to spare, hot sizes are compiled once and for all, however many others pass by."""
    residency = Residency(Bounds(len(hot) + 1))
    missed = 0
    for turn in range(rounds):
        for size in (*hot, *hot):
            missed += (not ask(residency, size)[0]) and turn > 3
        ask(residency, 100 + turn % cycle)

    assert missed == 0


def test_a_new_size_in_use_is_compiled_once() -> None:
    """Where traffic moves to one other size, its second request finds it, whatever was famous before."""
    residency = Residency(Bounds(4))
    for _ in range(200):
        for size in (1, 2, 3, 4):
            ask(residency, size)

    assert [ask(residency, 99)[0] for _ in range(50)] == [False] + [True] * 49


def test_what_was_frequent_fades() -> None:
    """When all of the traffic moves to as many other sizes, they have taken over within a few rounds."""
    residency = Residency(Bounds(4))
    for _ in range(200):
        for size in (1, 2, 3, 4):
            ask(residency, size)

    hits = [ask(residency, size)[0] for _ in range(40) for size in (5, 6, 7)]

    assert all(hits[-60:])


def test_a_size_too_large_for_all_lets_the_others_be() -> None:
    """What alone is more than the bytes allowed serves those that waited for it, and goes first."""
    residency = Residency(Bounds(4, 100))
    for size in (1, 2):
        ask(residency, size, size_bytes=40)

    assert ask(residency, 3, size_bytes=101) == (False, [3])
    assert set(residency) == {1, 2}


def test_tighter_bounds_let_go_of_the_least_frequent() -> None:
    """A configuration that allows less is followed at once."""
    residency = Residency(Bounds(4))
    for size in (1, 1, 1, 2, 2, 3):
        ask(residency, size)
    ask(residency, 4)

    gone = residency.resize(Bounds(2))

    assert set(gone) == {2, 3}
    assert set(residency) == {1, 4}  # the one asked for most, and the newest


@given(sizes=st.lists(st.integers(1, 1000), max_size=300), period=st.integers(1, 20))
def test_counts_stay_few(sizes: list[int], period: int) -> None:
    """However many sizes there are, no more counts are kept than requests in two periods."""
    frequencies = Frequencies(period)
    for size in sizes:
        frequencies.note(size)
        assert len(frequencies) <= 2 * period


def test_frequency_beats_recency_where_sizes_repeat() -> None:
    """More requests find their size than with LRU on Zipf and cyclic traffic; elsewhere hardly fewer."""
    random_numbers = random.Random(3)  # noqa: S311  no secret
    gain = {
        (name, entries): cache_admission.residency_hits(stream, entries)
        - cache_admission.lru_hits(stream, entries)
        for name, draw in cache_admission.STREAMS.items()
        for stream in [draw(random_numbers, 4000)]
        for entries in (2, 4, 8)
    }

    assert min(gain["zipf", entries] for entries in (2, 4, 8)) > 0.05
    assert min(gain["cyclic", entries] for entries in (2, 4, 8)) > 0.05
    assert min(gain.values()) > -0.03


def test_the_comparison_counts_right() -> None:
    """LRU as it is compared with: a size is found if it is one of the last distinct ones."""
    assert cache_admission.lru_hits([1, 2, 1, 3, 2, 1], 2) == 1 / 6
