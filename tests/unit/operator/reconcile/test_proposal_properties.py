"""The way of a configuration under anything that can happen to pods and to the operator."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_operator.reconcile.course import Course, Document
from batchwright_operator.reconcile.proposal import RETRY_SECONDS, TAKE_BACK_SECONDS
from tests.unit.operator.reconcile.simulated_fleet import NODES, TEMPLATES, Fleet, document

DOCUMENTS = 4
PLANS = 2
Happening = Callable[[Fleet], object]


def _want(fleet: Fleet, number: int) -> None:
    fleet.wanted = document(number)
    fleet.end_trials()  # an edit goes to all pods at once


def _roll(fleet: Fleet) -> None:
    fleet.template = TEMPLATES[1 - TEMPLATES.index(fleet.template)]
    fleet.start()


def _replace_old(fleet: Fleet) -> None:
    fleet.pods = [pod for pod in fleet.pods if pod.template == fleet.template]


def _scale_in(fleet: Fleet) -> None:
    fleet.pods = fleet.pods[1:]


def _silence(fleet: Fleet, index: int, *, reachable: bool) -> None:
    if fleet.pods:
        fleet.pods[index % len(fleet.pods)].is_reachable = reachable


def _slow(fleet: Fleet, index: int) -> None:
    if fleet.pods:
        fleet.pods[index % len(fleet.pods)].is_slow = True


def _pass(fleet: Fleet, seconds: float) -> None:
    fleet.now += seconds
    fleet.run()


def _restart(fleet: Fleet) -> None:
    fleet.course = Course()


def _die_at_commit(fleet: Fleet) -> None:
    fleet.dies_before_commit = True


def _remove_config_map(fleet: Fleet) -> None:
    fleet.committed, fleet.recorded = None, ""


def _mend(fleet: Fleet) -> None:
    fleet.refusers.clear()


HAPPENINGS: st.SearchStrategy[Happening] = st.one_of(
    st.integers(0, DOCUMENTS - 1).map(lambda number: lambda fleet: _want(fleet, number)),
    st.just(Fleet.start),
    st.integers(0, 3).map(lambda index: lambda fleet: fleet.crash(index)),
    st.just(Fleet.come_up),
    st.just(Fleet.finish),
    st.just(_roll),
    st.just(_replace_old),
    st.just(_scale_in),
    st.tuples(st.integers(0, 3), st.booleans()).map(
        lambda found: lambda fleet: _silence(fleet, found[0], reachable=found[1])
    ),
    st.integers(0, 3).map(lambda index: lambda fleet: _slow(fleet, index)),
    st.sampled_from([0.5, 5.0, 29.0, 61.0, 301.0, -50.0]).map(
        lambda seconds: lambda fleet: _pass(fleet, seconds)
    ),
    st.sampled_from([0.5, 61.0]).map(lambda seconds: lambda fleet: _pass(fleet, seconds)),
    st.just(_restart),
    st.just(_die_at_commit),
    st.just(_remove_config_map),
    st.just(_mend),
    st.tuples(st.integers(0, 3), st.integers(0, PLANS - 1)).map(
        lambda found: lambda fleet: fleet.try_on(*found)
    ),
    st.just(Fleet.end_trials),
)
TRIED = [
    Document.of(document(number).text + f" with plan {plan}".encode()).hash
    for number in range(DOCUMENTS)
    for plan in range(PLANS)
]
REFUSERS = st.dictionaries(
    st.integers(1, DOCUMENTS - 1).map(lambda number: document(number).hash) | st.sampled_from(TRIED),
    st.sets(st.sampled_from(TEMPLATES + NODES), min_size=1),
)


def _calm(fleet: Fleet, *, seconds: float) -> None:
    """So long nothing happens but what has to: pods come up, answer and finish."""
    end = fleet.now + seconds
    for pod in fleet.pods:
        pod.is_reachable, pod.is_slow = True, False
    while fleet.now < end:
        fleet.come_up()
        fleet.finish()
        _pass(fleet, 2.0)


@settings(max_examples=200)
@given(refusers=REFUSERS, happenings=st.lists(HAPPENINGS, max_size=40))
def test_it_always_ends_well(refusers: dict[str, set[str]], happenings: list[Happening]) -> None:
    """No refused document is ever committed, and afterwards what can be served is served and committed.

    At every commit the fleet itself asserts that no running pod of the newest template has refused it.
    """
    fleet = Fleet(refusers=refusers)
    for happening in happenings:
        happening(fleet)
    _replace_old(fleet)  # a rollout ends
    fleet.end_trials()
    _calm(fleet, seconds=2 * RETRY_SECONDS)

    if not any(fleet.refuses(pod, fleet.wanted) for pod in fleet.pods):
        assert fleet.committed == fleet.wanted
        assert {pod.serves for pod in fleet.pods} <= {fleet.wanted}
    elif fleet.committed != fleet.wanted:  # else pods started from it, which leave out what is broken
        _assert_taken_back(fleet)


@settings(max_examples=100)
@given(
    refusers=st.dictionaries(st.sampled_from(TRIED), st.sets(st.sampled_from(NODES), min_size=1)),
    index=st.integers(0, 2),
    plan=st.integers(0, PLANS - 1),
    happenings=st.lists(HAPPENINGS, max_size=20),
)
def test_a_trial_ends_well(
    refusers: dict[str, set[str]], index: int, plan: int, happenings: list[Happening]
) -> None:
    """One pod serves what it tries, all others what is wanted; afterwards, or refused, so does it.

    At every send and commit the fleet asserts that nobody else ever gets what one pod tries.
    """
    fleet = Fleet(refusers=refusers)
    for _ in range(3):
        fleet.start()
    _pass(fleet, 1.0)
    _calm(fleet, seconds=10)
    fleet.try_on(index, plan)
    tried = dict(fleet.canaries)
    assert tried
    _calm(fleet, seconds=10)
    for pod in fleet.pods:
        assert pod.serves == fleet.canaries.get(pod.name, fleet.wanted)
    refused = [
        pod.name for pod in fleet.pods if pod.name in tried and fleet.refuses(pod, tried[pod.name])
    ]
    assert fleet.canaries == ({} if refused else tried)
    for happening in happenings:
        happening(fleet)
    _replace_old(fleet)
    fleet.end_trials()
    _calm(fleet, seconds=2 * RETRY_SECONDS)
    assert {pod.serves for pod in fleet.pods} <= {fleet.wanted}


def _assert_taken_back(fleet: Fleet) -> None:
    before = fleet.committed
    _until_taken_back(fleet)
    assert fleet.course.refusal is not None
    assert fleet.committed == before
    for pod in fleet.pods:
        if before is not None and not fleet.refuses(pod, before):
            assert pod.serves == before


def _until_taken_back(fleet: Fleet) -> None:
    """Until the pods have had time to go back, and the next try is not yet due."""
    end = fleet.now + 2 * RETRY_SECONDS
    while fleet.now < end:
        _calm(fleet, seconds=2.0)
        refusal = fleet.course.refusal
        age = fleet.now - refusal.at if refusal is not None else 0.0
        if TAKE_BACK_SECONDS + 20 < age < RETRY_SECONDS - 20:
            return
