"""What would have to change: turns are where they are said to be, and there are no nearer ones."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.policy.outlook import MeanRequest, Outlook
from batchwright_operator.policy.readings import ReloadCost
from batchwright_operator.policy.whatif import EXACTNESS, Axis, find_turns
from tests.unit.operator.policy.samples import DEMULTIPLEX, RELOAD

OUTLOOK = Outlook(
    serving=RELOAD,
    requests={RELOAD: MeanRequest(0.18, 0.09), DEMULTIPLEX: MeanRequest(0.2, 0.1)},
    reload=ReloadCost(0.25, 0.21),
    reloads_per_request=0.0,
    concurrency=4.0,
    cores=2.0,
    min_saving=0.05,
)
MEANS = st.builds(MeanRequest, work=st.floats(0.001, 1), span=st.floats(0.001, 1))
OUTLOOKS = st.builds(
    Outlook,
    serving=st.sampled_from([RELOAD, DEMULTIPLEX]),
    requests=st.fixed_dictionaries({RELOAD: MEANS, DEMULTIPLEX: MEANS}),
    reload=st.builds(ReloadCost, work_seconds=st.floats(0.01, 5), span_seconds=st.floats(0.01, 5)),
    reloads_per_request=st.floats(0.01, 1),
    concurrency=st.floats(1, 32),
    cores=st.just(2.0),
    min_saving=st.just(0.05),
)


def test_reloads_that_do_not_happen_yet_are_told_by_their_number() -> None:
    """A tenth of a reload for each request turns a steady model to its demultiplexer."""
    turn = next(turn for turn in find_turns(OUTLOOK) if turn.axis is Axis.RELOADS)
    assert turn.plan == DEMULTIPLEX
    assert replace(OUTLOOK, reloads_per_request=turn.value).choice == DEMULTIPLEX
    assert replace(OUTLOOK, reloads_per_request=turn.value - 0.001).choice == RELOAD


def test_a_dearer_reload_is_a_turn_where_reloads_happen() -> None:
    """Where reload serves with few reloads, its cost may grow so far and no farther."""
    turns = find_turns(replace(OUTLOOK, reloads_per_request=0.05))
    dearer = next(turn for turn in turns if turn.axis is Axis.RELOAD_COST and turn.factor > 1)
    assert dearer.plan == DEMULTIPLEX
    assert dearer.value == 0.25 * dearer.factor


@given(OUTLOOKS)
def test_every_turn_is_another_choice(outlook: Outlook) -> None:
    """What is told to change the decision does change it."""
    turns = find_turns(outlook)
    assert all(turn.plan != outlook.choice for turn in turns)


@given(OUTLOOKS, st.floats(0.05, 0.95))
def test_nothing_nearer_changes_the_cost_of_a_reload(outlook: Outlook, share: float) -> None:
    """Between the number and its turn the decision stays: one number moves one plan's cost one way."""
    for turn in (turn for turn in find_turns(outlook) if turn.axis is Axis.RELOAD_COST):
        surely_before = max(1.0, max(turn.factor, 1 / turn.factor) / EXACTNESS)
        factor = surely_before ** (share if turn.factor > 1 else -share)
        cost = outlook.reload
        there = replace(
            outlook, reload=ReloadCost(cost.work_seconds * factor, cost.span_seconds * factor)
        )
        assert there.choice == outlook.choice
