from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core.waiting_bytes import SHARE, Tally, default_bound

sizes = st.integers(0, 50)


@given(most=st.integers(1, 100), steps=st.lists(st.tuples(st.booleans(), sizes), max_size=40))
def test_never_more_waits_than_may(most: int, steps: list[tuple[bool, int]]) -> None:
    """Whoever comes and goes, the bytes are within the bound, or those of a single request."""
    tally, inside = Tally(), list[int]()
    for comes, size in steps:
        if comes and tally.has_room(size, most):
            tally.enter(size)
            inside.append(size)
        elif not comes and inside:
            tally.leave(inside.pop(size % len(inside)))

        assert (tally.requests, tally.size_bytes) == (len(inside), sum(inside))
        assert tally.size_bytes <= most or tally.requests == 1


@given(most=st.integers(1, 100), inside=st.lists(sizes, min_size=1, max_size=5), more=sizes)
def test_nobody_is_refused_without_need(most: int, inside: list[int], more: int) -> None:
    """What fits beside the others may wait, and without a bound everything."""
    tally = Tally()
    for size in inside:
        tally.enter(size)

    assert tally.has_room(more, most) == (sum(inside) + more <= most)
    assert tally.has_room(more, None)


@given(size=st.integers(0, 2**70), most=st.integers(1, 100))
def test_one_may_wait_however_large(size: int, most: int) -> None:
    """Else it would be refused whenever it came."""
    assert Tally().has_room(size, most)


@given(limit=st.integers(1, 2**50), models=st.integers(0, 2**51))
def test_the_default_leaves_memory_to_models(limit: int, models: int) -> None:
    """A part of what they leave, never nothing, never more than the part of all of it."""
    bound = default_bound(limit, models)

    assert limit // 32 <= bound <= limit // SHARE
    assert default_bound(limit, models + 1) <= bound
