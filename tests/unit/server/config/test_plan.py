"""Plans and their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.config.plan import Plan, Strategy, Streams

PLANS = st.builds(Plan, st.sampled_from(Strategy), st.sampled_from(Streams))
SIZES = st.sets(st.integers(1, 10_000), min_size=1, max_size=32).map(lambda it: tuple(sorted(it)))


@given(PLANS | SIZES.map(Plan.of(Strategy.BUCKETS).with_sizes))
def test_a_plan_is_read_from_its_name(plan: Plan) -> None:
    """With its sizes, where it has some; without them it is the plan that is measured."""
    assert Plan.parse(str(plan)) == plan
    assert Plan.parse(str(plan.base)) == Plan(plan.strategy, plan.streams)


@pytest.mark.parametrize(
    "text",
    [
        *("buckets", "buckets/few", "buckets/one/", "buckets/one/4,1", "buckets/one/4,4"),
        *("buckets/one/0,1", "buckets/one/1,x", "buckets/one/1/2", "reload/one/1,4"),
    ],
)
def test_what_names_no_plan_is_refused(text: str) -> None:
    """Sizes rise, and belong to buckets."""
    with pytest.raises(ValueError, match=r"not a valid|not enough|expected buckets|invalid literal"):
        Plan.parse(text)
