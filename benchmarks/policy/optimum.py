"""The best in hindsight: one plan throughout, and the best way through all plans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchwright_server.config.plan import Plan


@dataclass(frozen=True)
class Path:
    """The cheapest way through the windows, and what it costs with its switches."""

    cost: float
    plans: tuple[Plan, ...]


def best_fixed(costs: Mapping[Plan, Sequence[float]]) -> Plan:
    """The plan that serves the whole trace with least."""
    return min(costs, key=lambda plan: sum(costs[plan]))


def best_path(costs: Mapping[Plan, Sequence[float]], switching: Mapping[Plan, float]) -> Path:
    """The optimum by dynamic programming over windows; `switching` is what going to a plan costs.

    It may start with any plan, knows the future, and finds the caches of a plan it goes to warm: a lower
    bound on what any policy can reach.
    """
    windows = len(next(iter(costs.values())))
    ways = {plan: Path(0.0, ()) for plan in costs}
    for window in range(windows):
        ways = {
            plan: _cheapest(ways, plan, switching=switching[plan], cost=costs[plan][window])
            for plan in costs
        }
    return min(ways.values(), key=lambda path: path.cost)


def _cheapest(ways: Mapping[Plan, Path], plan: Plan, *, switching: float, cost: float) -> Path:
    """The cheapest way to be with `plan` now; before the first window a plan is free to choose."""

    def price(before: Plan) -> float:
        is_switch = before != plan and bool(ways[before].plans)
        return ways[before].cost + (switching if is_switch else 0.0)

    before = min(ways, key=price)
    return Path(price(before) + cost, (*ways[before].plans, plan))
