"""The window."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy import traffic
from batchwright_operator.policy.history import SLICES_PER_WINDOW, History, Slice, Window
from batchwright_operator.policy.traffic import Traffic
from tests.unit.operator.policy.samples import DEMULTIPLEX, NOON, RELOAD, Pod


def extended(history: History, *pods: Pod, at: float) -> History:
    """The history with what these pods say; a window of 60 s, reload wanted."""
    readings = {pod.name: pod.reading() for pod in pods}
    return history.extended(readings, plan=RELOAD, now=NOON + at, window=Window(60))


def test_the_first_reading_is_only_where_the_next_slice_starts() -> None:
    """Nothing is known from one reading."""
    history = extended(History(), Pod().after(30, {8: 300}), at=0)
    assert history.slices == ()
    assert history.seconds == 0


def test_slices_older_than_the_window_are_dropped() -> None:
    """The window moves with the time."""
    pod, history = Pod(), extended(History(), Pod(), at=0)
    for tick in range(1, 101):
        pod = pod.after(3, {8: 10})
        history = extended(history, pod, at=3 * tick)
    assert history.seconds == 60
    assert traffic.total(history.by_pod.values()).requests == {8: 200}


def test_a_hasty_caller_gets_no_more_slices() -> None:
    """The cost of a decision is bounded whatever the pace of the caller."""
    pod, history = Pod(), extended(History(), Pod(), at=0)
    for tick in range(1, 601):
        pod = pod.after(0.1, {8: 1})
        history = extended(history, pod, at=0.1 * tick)
    assert len(history.slices) <= SLICES_PER_WINDOW
    assert traffic.total(history.by_pod.values()).request_count >= 580


def test_a_restart_costs_one_slice() -> None:
    """What is known stays; the new process starts its own slices."""
    pod = Pod()
    history = extended(History(), pod, at=0)
    pod = pod.after(3, {8: 10})
    history = extended(history, pod, at=3)
    restarted = Pod(process="process-1", uptime=1.0)
    history = extended(history, restarted, at=6)
    assert len(history.slices) == 1
    history = extended(history, restarted.after(3, {8: 4}), at=9)
    assert traffic.total(history.by_pod.values()).requests == {8: 14}


def test_a_counter_reset_costs_one_slice() -> None:
    """A counter that shrank gives no slice, and the next one starts behind it."""
    pod = Pod().after(3, {8: 10})
    history = extended(History(), pod, at=0)
    reset = replace(Pod(), uptime=pod.uptime + 3)
    history = extended(history, reset, at=3)
    assert history.slices == ()
    history = extended(history, reset.after(3, {8: 4}), at=6)
    assert traffic.total(history.by_pod.values()).requests == {8: 4}


def test_another_plans_traffic_does_not_count() -> None:
    """Numbers of two plans never mix."""
    pod = Pod(plan=DEMULTIPLEX)
    history = extended(History(), pod, at=0)
    pod = pod.after(3, {8: 10})
    history = extended(history, pod, at=3)
    switched = replace(pod.after(3, {8: 10}), plan=RELOAD)
    history = extended(history, switched, at=6)
    assert history.slices == ()
    history = extended(history, switched.after(3, {8: 7}), at=9)
    assert traffic.total(history.by_pod.values()).requests == {8: 7}


def test_a_clock_that_went_back_starts_anew() -> None:
    """Slices whose age cannot be told are not used."""
    history = extended(History(), Pod(), at=100)
    history = extended(history, Pod().after(3, {8: 10}), at=103)
    assert extended(history, Pod().after(6, {8: 20}), at=50).slices == ()


def test_a_long_gap_starts_anew() -> None:
    """What was more than three windows ago says nothing of now."""
    history = extended(History(), Pod(), at=0)
    history = extended(history, Pod().after(3, {8: 10}), at=3)
    assert extended(history, Pod().after(200, {8: 900}), at=200).slices == ()


def test_a_pod_whose_clock_stands_still_is_stale() -> None:
    """An old document that comes again and again is no fresh reading."""
    pod = Pod()
    history = extended(History(), pod, at=0)
    assert history.is_fresh(pod.name, window_seconds=60)
    history = extended(history, pod, at=14)
    assert history.is_fresh(pod.name, window_seconds=60)
    history = extended(history, pod, at=18)
    assert not history.is_fresh(pod.name, window_seconds=60)
    assert not history.is_fresh("another", window_seconds=60)


def test_a_window_with_too_few_requests_reaches_back() -> None:
    """Rare requests count from further back, ten windows at most; silence before them does not."""
    slices = tuple(
        Slice(NOON + at, {"pod-0": Traffic(seconds=10, requests={1: 2} if at % 40 == 0 else {})})
        for at in range(0, 400, 10)
    )
    now = NOON + 395
    assert Window(60, 0).kept(slices, now)[0].at == NOON + 340
    reaching = Window(60, 10).kept(slices, now)
    assert reaching[0].at == NOON + 200
    assert sum(it.requests for it in reaching) == 10
    assert Window(20, 100).kept(slices, now)[0].at == NOON + 200


REQUESTS = st.dictionaries(st.integers(1, 6), st.integers(0, 3), max_size=3)
SPELLS = st.tuples(st.sampled_from([0.5, 3.0, 20.0, 300.0]), REQUESTS, REQUESTS, st.booleans())


def counted_anew(history: History) -> dict[str, Traffic]:
    """The window's traffic, summed up without what was counted before."""
    pods = dict.fromkeys(pod for part in history.slices for pod in part.pods)
    return {
        pod: traffic.total(part.pods[pod] for part in history.slices if pod in part.pods) for pod in pods
    }


@given(st.lists(SPELLS, max_size=40), st.integers(0, 3))
def test_what_is_counted_on_from_look_to_look_is_the_same_as_counted_anew(
    spells: list[tuple[float, dict[int, int], dict[int, int], bool]], left_out: int
) -> None:
    """Whatever came into the window and went out of it, its traffic is the sum of its slices."""
    pods, history, now = [Pod(name="a"), Pod(name="b")], History(), NOON
    for number, (seconds, *served, is_restarted) in enumerate(spells):
        now += seconds
        pods = [pod.after(seconds, it) for pod, it in zip(pods, served, strict=True)]
        if is_restarted:
            pods[0] = Pod(name="a", process=f"process-{number}")
        readings = {pod.name: pod.reading() for pod in pods}
        history = history.extended(readings, plan=RELOAD, now=now, window=Window(30, 5))
        assert history.by_pod == counted_anew(history)
        assert list(history.by_pod) == list(counted_anew(history))
        later = replace(history, slices=history.slices[left_out:])
        assert later.by_pod == counted_anew(later)
