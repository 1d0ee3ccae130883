"""What would have to change for another decision: a search along one number at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from batchwright_operator.policy.outlook import Outlook
from batchwright_operator.policy.readings import ReloadCost
from batchwright_server.config.plan import Plan, Strategy

# Further than this a number is another situation altogether.
LARGEST_FACTOR = 32.0
# Factors are looked at in steps of a sixteenth of a doubling, then halved until they are this close.
STEPS_PER_DOUBLING = 16
EXACTNESS = 1.001


class Axis(StrEnum):
    """A number that may change while all others stay."""

    CONCURRENCY = "requests at once"
    RELOADS = "reloads for each request"
    RELOAD_COST = "cost of a reload"
    INFERENCE_COST = "cost of an inference"


@dataclass(frozen=True)
class Turn:
    """Where another plan becomes the choice: at `factor` times the number, which is then `value`."""

    axis: Axis
    factor: float
    value: float
    plan: Plan


def find_turns(outlook: Outlook) -> tuple[Turn, ...]:
    """The nearest turn upwards and downwards along each axis; an axis without one is left out."""
    turns = []
    for axis in Axis:
        if not _value(outlook, axis):
            turns += _from_nothing(outlook, axis)
            continue
        for sign in (1, -1):
            factor = _nearest(lambda it, axis=axis: _scaled(outlook, axis, it), outlook.choice, sign)  # type: ignore[misc]
            if factor is not None:
                turns.append(_turn(outlook, axis, factor))
    return tuple(turns)


def _turn(outlook: Outlook, axis: Axis, factor: float) -> Turn:
    there = _scaled(outlook, axis, factor)
    return Turn(axis, factor, _value(there, axis), there.choice)


def _from_nothing(outlook: Outlook, axis: Axis) -> list[Turn]:
    """Of a number that is 0 no multiple helps: reloads may begin, one for each request at most."""
    if axis is not Axis.RELOADS:
        return []
    one = replace(outlook, reloads_per_request=1.0)
    if one.choice == outlook.choice:
        return []
    low, high = 0.0, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        is_same = replace(outlook, reloads_per_request=middle).choice == outlook.choice
        low, high = (middle, high) if is_same else (low, middle)
    return [Turn(axis, float("inf"), high, replace(outlook, reloads_per_request=high).choice)]


def _nearest(at: Callable[[float], Outlook], choice: Plan, sign: int) -> float | None:
    """The factor nearest to 1 at which the choice is another one."""
    step = 2.0 ** (sign / STEPS_PER_DOUBLING)
    near, far = 1.0, step
    while 1 / LARGEST_FACTOR <= far <= LARGEST_FACTOR:
        if at(far).choice != choice:
            return _narrowed(at, choice, near, far)
        near, far = far, far * step
    return None


def _narrowed(at: Callable[[float], Outlook], choice: Plan, near: float, far: float) -> float:
    while max(near, far) / min(near, far) > EXACTNESS:
        middle = (near * far) ** 0.5
        near, far = (middle, far) if at(middle).choice == choice else (near, middle)
    return far


def _scaled(outlook: Outlook, axis: Axis, factor: float) -> Outlook:
    if axis is Axis.CONCURRENCY:
        return replace(outlook, concurrency=outlook.concurrency * factor)
    if axis is Axis.RELOADS:
        return replace(outlook, reloads_per_request=outlook.reloads_per_request * factor)
    if axis is Axis.RELOAD_COST:
        cost = outlook.reload
        scaled = ReloadCost(cost.work_seconds * factor, cost.span_seconds * factor)
        return replace(outlook, reload=scaled)
    requests = {
        plan: replace(mean, work=mean.work * factor, span=mean.span * factor)
        for plan, mean in outlook.requests.items()
    }
    return replace(outlook, requests=requests)


def _value(outlook: Outlook, axis: Axis) -> float:
    """The number itself: seconds for costs, of the plan in place for an inference."""
    has_reload = any(plan.strategy is Strategy.RELOAD for plan in outlook.requests)
    return {
        Axis.CONCURRENCY: outlook.concurrency,
        Axis.RELOADS: outlook.reloads_per_request,
        Axis.RELOAD_COST: outlook.reload.work_seconds if has_reload else 0.0,
        Axis.INFERENCE_COST: outlook.requests[outlook.serving].work,
    }[axis]
