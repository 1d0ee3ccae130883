"""Buckets whose sizes the user left open: chosen for the traffic, kept, and changed like any plan."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchwright_operator.policy import costs
from batchwright_operator.policy.decision import Action, Reason
from batchwright_operator.policy.readings import CostPoint, PlanCost
from batchwright_operator.policy.rules import Rules
from batchwright_operator.policy.state import ModelState
from batchwright_server.config.plan import Plan, Strategy
from tests.unit.operator.policy.samples import RELOAD, RELOAD_PLAN, Desk, Pod
from tests.unit.operator.policy.test_decide_properties import TICKS, Tick, told

BUCKETS = Plan.of(Strategy.BUCKETS)
FIRST = BUCKETS.with_sizes((1, 4, 16))
OPEN = Rules(candidates=(RELOAD, FIRST), most_buckets=3, max_batch_size=32)
POINTS = tuple(CostPoint(size, 0.02 + 0.01 * size, 0.02 + 0.01 * size) for size in (1, 4, 16))
COSTS = (replace(RELOAD_PLAN, points=POINTS), PlanCost(BUCKETS, POINTS, 0.4))


def asking(*sizes: int) -> Callable[[Pod], Pod]:
    """Three seconds of these sizes in turn, each a reload under reload and as fast as two cores go."""

    def serve(pod: Pod) -> Pod:
        is_reload = pod.plan == RELOAD
        served = dict.fromkeys(sizes, 4 if is_reload else 8)
        reloads = 4 * len(sizes)
        return pod.after(3.0, served, reloads=reloads if is_reload else 0, would_reloads=reloads)

    return serve


def served(desk: Desk, ticks: int, *sizes: int, pod: Pod | None = None) -> Pod:
    """The pod of the desk after so many ticks of these sizes."""
    return desk.serve(pod or Pod(costs=COSTS), ticks, asking(*sizes))


def moves(desk: Desk) -> list[Plan]:
    """The plans switched to or gone back to, in turn."""
    return [it.plan for it in desk.decisions if it.action in (Action.SWITCH, Action.RETURN)]


def test_a_switch_carries_the_sizes_that_are_asked_for() -> None:
    """Sizes 3 and 7 are compiled as such, and the sentence names them."""
    desk = Desk(rules=OPEN)
    served(desk, 30, 3, 7)
    assert moves(desk) == [BUCKETS.with_sizes((3, 7))]
    assert desk.decisions[-1].message.startswith("Buckets of 3 and 7 since")


def test_no_size_is_above_the_largest_batch() -> None:
    """What was served before the user lowered the bound is not compiled for."""
    desk = Desk(rules=replace(OPEN, max_batch_size=8))
    served(desk, 30, 3, 9)
    assert moves(desk) == [BUCKETS.with_sizes((3,))]


def test_sizes_outlive_a_restart() -> None:
    """What was persisted has the plan with its sizes, in the check and in what was left as well."""
    desk = Desk(rules=OPEN)
    pod = served(desk, 30, 3, 7)
    again = ModelState.from_status(desk.state.to_status())
    assert again is not None
    assert again == replace(desk.state, history=again.history)
    desk.state = again
    served(desk, 40, 3, 7, pod=pod)
    assert len(moves(desk)) == 1


def test_another_set_is_a_switch_like_any_other() -> None:
    """Traffic that turns gets other sizes, once the cool-down of the last switch is over."""
    desk = Desk(rules=OPEN)
    pod = served(desk, 30, 3, 7)
    since = desk.state.since
    served(desk, 150, 5, 30, pod=pod)
    assert moves(desk) == [BUCKETS.with_sizes((3, 7)), BUCKETS.with_sizes((5, 30))]
    assert desk.state.since - since >= OPEN.cooldown_seconds
    assert desk.state.previous == BUCKETS.with_sizes((3, 7))
    assert Reason.COOLING_DOWN in [it.reason for it in desk.decisions]


def test_a_slightly_better_set_is_no_reason_to_compile() -> None:
    """Sizes in place stay while others would save less than is worth a switch."""
    desk = Desk(rules=replace(OPEN, min_saving_percent=5))
    pod = served(desk, 30, 8, 16)
    served(desk, 200, 8, 15, 16, pod=pod)
    assert moves(desk) == [BUCKETS.with_sizes((8, 16))]


def test_other_sizes_are_judged_by_more_than_one_point() -> None:
    """Buckets of one size show nothing of what an inference costs by itself: all points do."""
    readings = [Pod(costs=COSTS).reading()]
    alone = costs.gather(readings, (16,)).plans[BUCKETS].work
    open_ended = costs.gather(readings, (16,), fewest_points=2).plans[BUCKETS].work
    assert alone.fixed == 0.0
    assert open_ended.fixed == pytest.approx(0.02)


def test_sizes_that_killed_give_way_to_those_that_the_pod_came_back_with() -> None:
    """Buckets of other sizes serve from then on; a pod that names other sizes blames none."""
    desk = Desk(rules=OPEN)
    wanted = BUCKETS.with_sizes((3, 7))
    desk.state = replace(desk.state, plan=wanted)
    told = "killed for want of memory while {} was being built; buckets/one/1,4,16 serves"
    pod = replace(Pod(plan=BUCKETS, costs=COSTS), bucket_sizes=FIRST.sizes)
    other = replace(pod, fallback=told.format("buckets/one/3,70"))
    assert desk.tick(other).reason is Reason.PODS_UNSETTLED

    decision = desk.tick(replace(pod, fallback=told.format(wanted)))

    assert (decision.action, decision.reason) == (Action.SWITCH, Reason.PLAN_REFUSED)
    assert desk.state.plan == FIRST


def test_servers_that_tell_no_sizes_have_those_they_were_sent() -> None:
    """An older pod counts as settled; one that tells other sizes does not."""
    desk = Desk(rules=OPEN)
    pod = served(desk, 30, 3, 7)
    untold = replace(pod.after(3.0, {3: 8, 7: 8}), plan=BUCKETS)
    assert desk.tick(untold).reason is not Reason.PODS_UNSETTLED
    other = replace(untold.after(3.0, {3: 8, 7: 8}), plan=FIRST).reading()
    told_other = replace(other, plan=BUCKETS, bucket_sizes=(1, 4, 16))
    wanted = desk.state.plan
    assert told_other.serving(wanted, is_open=True).plan == FIRST
    assert told_other.serving(BUCKETS, is_open=False).plan == BUCKETS


@pytest.mark.parametrize(
    "rules",
    [
        Rules(candidates=(RELOAD, BUCKETS), bucket_sizes=(2, 4)),
        replace(OPEN, most_buckets=1),
        replace(OPEN, max_batch_size=4),
    ],
)
def test_the_user_s_rules_hold_at_once(rules: Rules) -> None:
    """Sizes that the user gives, or bounds below the chosen ones, end what was chosen."""
    desk = Desk(rules=OPEN)
    pod = served(desk, 30, 3, 7)
    desk.rules = rules
    decision = desk.tick(pod.after(3.0, {3: 8}))
    assert (decision.action, decision.reason) == (Action.SWITCH, Reason.PLAN_NOT_ALLOWED)
    assert decision.plan == rules.candidates[1]


@st.composite
def stories(draw: st.DrawFn) -> tuple[Rules, list[list[Tick]], tuple[float, float]]:
    """Rules that leave the sizes open, eager ones, and ticks of one or two pods."""
    rules = Rules(
        candidates=(RELOAD, FIRST),
        most_buckets=draw(st.integers(1, 5)),
        max_batch_size=draw(st.integers(8, 40)),
        window_seconds=12,
        cooldown_seconds=draw(st.sampled_from([0, 30])),
        min_requests=1,
        loss_multiple=1,
    )
    pods = draw(st.integers(1, 2))
    ticks = draw(st.lists(st.lists(TICKS, min_size=pods, max_size=pods), min_size=8, max_size=20))
    return rules, ticks, (1.0, 1.0)


@given(stories(), st.data())
@settings(max_examples=25)
def test_sizes_are_within_bounds_and_the_same_in_any_order(
    story: tuple[Rules, list[list[Tick]], tuple[float, float]], data: st.DataObject
) -> None:
    """As many as are allowed at most, none above the largest batch, whoever speaks first or twice."""
    rules, plain = story[0], told(story)
    for _, state, _ in plain:
        tried = (state.canary.plan,) if state.canary is not None else ()
        for plan in (state.plan, *tried):
            assert plan in rules.candidates or len(plan.sizes) in range(1, rules.most_buckets + 1)
            assert plan in rules.candidates or max(plan.sizes) <= rules.max_batch_size
            assert rules.allows(plan)
    assert [state for _, state, _ in plain] == [state for _, state, _ in told(story, data)]


@given(stories(), st.sets(st.integers(1, 32), min_size=1, max_size=4))
@settings(max_examples=15)
def test_the_user_s_sizes_always_hold(
    story: tuple[Rules, list[list[Tick]], tuple[float, float]], sizes: set[int]
) -> None:
    """With sizes given, no plan has others."""
    given_sizes = tuple(sorted(sizes))
    rules = Rules(
        candidates=(RELOAD, BUCKETS), bucket_sizes=given_sizes, window_seconds=12, min_requests=1
    )
    for _, state, _ in told((rules, *story[1:])):
        assert state.plan in (RELOAD, BUCKETS)
        assert state.canary is None or state.canary.plan in (RELOAD, BUCKETS)
