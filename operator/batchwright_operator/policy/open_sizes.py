"""Buckets whose sizes the user left open: which few are best for the traffic, and what they cost."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from batchwright_operator.policy import bucketing
from batchwright_operator.policy.costs import Costs
from batchwright_operator.policy.padding import Padding
from batchwright_operator.policy.rules import Rules
from batchwright_server.config.plan import Plan, Strategy


def candidates(rules: Rules, costs: Costs, requests: Mapping[int, int]) -> tuple[Plan, ...]:
    """The plans to choose from, buckets with the best sizes for `requests` where these are open."""
    return tuple(_sized(plan, rules, costs, requests) for plan in rules.candidates)


def priced(costs: Costs, plans: Iterable[Plan]) -> Costs:
    """`costs` with those of buckets of other sizes: on the same lines, with another padding."""
    sized = {
        plan: replace(lines, padding=Padding(plan.sizes, lines.work.fixed, lines.work.per_sample))
        for plan in plans
        if plan.sizes and (lines := costs.plans.get(plan.base)) is not None
    }
    return replace(costs, plans={**costs.plans, **sized}) if sized else costs


def sizes_in_force(rules: Rules, plan: Plan) -> tuple[int, ...]:
    """What buckets are compiled for while `plan` is in place, or would be if a pod measured them."""
    firsts = (it.sizes for it in rules.candidates if it.sizes)
    return rules.bucket_sizes or plan.sizes or next(firsts, ())


def _sized(plan: Plan, rules: Rules, costs: Costs, requests: Mapping[int, int]) -> Plan:
    lines = costs.plans.get(plan.base)
    if plan.strategy is not Strategy.BUCKETS or not rules.most_buckets or lines is None:
        return plan
    asked = {size: count for size, count in requests.items() if size <= rules.max_batch_size}
    work = lines.work
    sizes = bucketing.choose(
        asked, fixed=work.fixed, per_sample=work.per_sample, most=rules.most_buckets
    )
    return plan.with_sizes(sizes) if sizes else plan
