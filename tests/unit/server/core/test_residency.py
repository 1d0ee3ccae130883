from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.core.residency import Residency
from batchwright_server.core.shadow import ReloadShadow


@given(sizes=st.lists(st.integers(1, 8), max_size=80), entries=st.integers(1, 5))
def test_the_most_recently_used_sizes_stay(sizes: list[int], entries: int) -> None:
    """At any time exactly the last `entries` distinct sizes are resident."""
    residency = Residency(entries)
    for index, size in enumerate(sizes):
        if size in residency:
            residency.touch(size)
        else:
            residency.admit(size)

        latest = list(dict.fromkeys(reversed(sizes[: index + 1])))[:entries]
        assert {known for known in range(1, 9) if known in residency} == set(latest)


def test_the_shadow_counts_a_reload_per_miss() -> None:
    """With one compiled size and time to reload between requests, each change of size is a reload."""
    shadow = ReloadShadow(max_entries=1, reload_seconds=0.1)
    assert [shadow.observe(size, float(now)) for now, size in enumerate([1, 1, 8, 8, 1])] == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_the_shadow_lets_misses_join_a_reload_that_is_under_way() -> None:
    """Requests for a size that is being compiled share its reload."""
    shadow = ReloadShadow(max_entries=2, reload_seconds=1.0)
    assert [shadow.observe(8, now) for now in (0.0, 0.3, 0.9, 1.1)] == [True, False, False, False]


def test_the_shadow_compiles_one_size_at_a_time() -> None:
    """The second size's reload begins when the first is finished."""
    shadow = ReloadShadow(max_entries=1, reload_seconds=1.0)

    assert shadow.observe(1, 0.0)
    assert shadow.observe(2, 0.0)
    assert not shadow.observe(1, 1.5)  # compiled at 1.0, and 2 not before 2.0
    assert not shadow.observe(2, 2.5)
    assert shadow.observe(1, 2.6)  # evicted by 2


def test_a_smaller_cache_forgets_the_least_recently_used() -> None:
    """The shadow follows the configuration."""
    shadow = ReloadShadow(max_entries=2, reload_seconds=0.1)
    for now, size in enumerate([1, 2]):
        shadow.observe(size, float(now))
    shadow.observe(2, 2.0)

    shadow.resize(1)

    assert not shadow.observe(2, 3.0)
    assert shadow.observe(1, 4.0)
