"""The signals of several workers as those of one server."""

from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.config import signals
from batchwright_server.workers import signal_sums

_NUMBERS = st.integers(0, 1000)


@st.composite
def counters(draw: st.DrawFn) -> signals.ModelCounters:
    """What a worker may have counted."""
    return signals.ModelCounters(
        requests=draw(st.dictionaries(st.integers(1, 4), _NUMBERS)),
        failed_requests=draw(_NUMBERS),
        samples=draw(_NUMBERS),
        in_flight_seconds=draw(_NUMBERS),
        reloads=draw(_NUMBERS),
        reload_seconds=draw(_NUMBERS),
        queue_wait_seconds=draw(_NUMBERS),
        would_reloads=draw(_NUMBERS),
        answered=draw(st.dictionaries(st.sampled_from([1000, 2500, -1]), _NUMBERS)),
    )


def worker(counted: signals.ModelCounters, state: str = "AVAILABLE", depth: int = 0) -> signals.Signals:
    """A worker that serves one model."""
    model = signals.ModelSignals(name="m", version=1, state=state, counters=counted, queue_depth=depth)
    return signals.Signals(
        process="p",
        uptime_seconds=1.0,
        cpu_seconds=1.0,
        cores=1,
        ready=True,
        config=signals.ConfigState(hash="h"),
        models=(model,),
    )


@given(st.lists(counters(), min_size=1, max_size=4))
def test_every_counter_is_added_up(counted: list[signals.ModelCounters]) -> None:
    """No field is left out, and requests are added by their batch size."""
    [model] = signal_sums.add_models([worker(each) for each in counted], {})

    total = model.counters
    for name in ("samples", "failed_requests", "reloads", "would_reloads", "in_flight_seconds"):
        assert getattr(total, name) == sum(getattr(each, name) for each in counted)
    for size in range(1, 5):
        assert total.requests.get(size, 0) == sum(each.requests.get(size, 0) for each in counted)
    assert sum(total.answered.values()) == sum(sum(each.answered.values()) for each in counted)


@given(st.lists(counters(), min_size=2, max_size=5))
def test_no_counter_goes_backwards_when_workers_die(counted: list[signals.ModelCounters]) -> None:
    """What was seen of a worker stays in the sums when it is gone, and when another takes its place."""
    past: signal_sums.Past = {}
    fresh = worker(counted[0].model_copy(update={"samples": 0, "requests": {}}))
    living = [worker(each) for each in counted]
    [before] = signal_sums.add_models(living, past)
    while len(living) > 1:
        past = signal_sums.bury(past, living.pop())
        [after] = signal_sums.add_models([*living, fresh], past)
        assert after.counters.samples >= before.counters.samples
        for size, count in before.counters.requests.items():
            assert after.counters.requests[size] >= count
        before = after


def test_a_model_serves_where_all_workers_serve_it() -> None:
    """One that still loads it is what is shown; those that wait are added up."""
    nothing = signals.ModelCounters(
        requests={}, failed_requests=0, samples=0, in_flight_seconds=0, reloads=0, reload_seconds=0,
        queue_wait_seconds=0, would_reloads=0,
    )  # fmt: skip
    found = [worker(nothing, depth=2), worker(nothing, "LOADING", depth=3)]

    [model] = signal_sums.add_models(found, {})

    assert (model.state, model.queue_depth) == ("LOADING", 5)
