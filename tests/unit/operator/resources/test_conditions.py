"""Conditions are set and merged without losing since when they hold."""

from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.resources.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    get_condition,
    merge_conditions,
    set_condition,
)

_CONDITIONS = st.builds(
    Condition,
    type=st.sampled_from(ConditionType),
    status=st.sampled_from(ConditionStatus),
    reason=st.just("Reason"),
    message=st.text(max_size=5),
)


def _ready(status: ConditionStatus, reason: str) -> Condition:
    return Condition(type=ConditionType.READY, status=status, reason=reason, message="")


def test_time_follows_the_status() -> None:
    """A new reason keeps the time; a new status takes the present."""
    first = set_condition((), _ready(ConditionStatus.FALSE, "Starting"), now="1")
    second = set_condition(first, _ready(ConditionStatus.FALSE, "Crashing"), now="2")
    third = set_condition(second, _ready(ConditionStatus.TRUE, "Ready"), now="3")
    assert [item[0].last_transition_time for item in (first, second, third)] == ["1", "1", "3"]


@given(st.lists(_CONDITIONS), st.lists(_CONDITIONS, min_size=1))
def test_one_of_each_type(before: list[Condition], new: list[Condition]) -> None:
    """However often conditions are merged, there is one of each type, and it is the last one given."""
    merged = merge_conditions(merge_conditions((), before, now="1"), new, now="2")
    assert len({item.type for item in merged}) == len(merged)
    last = get_condition(merged, new[-1].type)
    assert last is not None
    assert (last.status, last.message) == (new[-1].status, new[-1].message)
