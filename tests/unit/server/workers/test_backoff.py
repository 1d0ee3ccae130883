"""How long a worker that ended is waited for."""

from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.workers import backoff


def test_a_series_of_ends_is_answered_ever_later() -> None:
    """Each wait is twice the one before, up to the longest."""
    waits = [(back := backoff.BackOff()).after(0.0), *(back.after(0.0) for _ in range(9))]

    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]


@given(st.lists(st.floats(0, backoff.STEADY_SECONDS, exclude_max=True), max_size=10))
def test_a_worker_that_lived_long_begins_a_new_series(lives: list[float]) -> None:
    """Whatever was before it, the next one is started soon."""
    back = backoff.BackOff()
    for lived in lives:
        assert backoff.FIRST_SECONDS <= back.after(lived) <= backoff.LONGEST_SECONDS

    assert back.after(backoff.STEADY_SECONDS) == backoff.FIRST_SECONDS
