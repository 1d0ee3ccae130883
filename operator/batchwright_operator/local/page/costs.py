"""What each plan of a model costs: as the policy predicts, and as pods measured."""

from collections.abc import Mapping

from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.local.page.looks import find_model
from batchwright_operator.local.page.sheets import PlanCosts
from batchwright_operator.policy import figures, outlook
from batchwright_operator.policy.outlook import Outlook
from batchwright_operator.reconcile.observed import Reports
from batchwright_server.config.plan import Plan
from batchwright_server.config.signals import PlanCost


def plan_costs(item: Tuned, reports: Reports) -> tuple[PlanCosts, ...]:
    """The plan that serves first, then the others by their names."""
    measured = _measured(item.model.name, reports)
    found = _outlook(item)
    plans = {item.plan.base, *measured, *(found.requests if found else ())}
    return tuple(
        _to_costs(plan, item, found, measured.get(plan))
        for plan in sorted(plans, key=lambda plan: (plan != item.plan.base, plan))
    )


def _to_costs(plan: Plan, item: Tuned, found: Outlook | None, measured: PlanCost | None) -> PlanCosts:
    is_serving = plan == item.plan.base
    decision = item.decision
    predicted = decision.predicted if decision is not None else {}
    is_known = found is not None and plan in found.requests
    return PlanCosts(
        plan=plan,
        is_serving=is_serving,
        rate=predicted.get(figures.samples_key(plan)),
        work_ms=1000 * found.requests[plan].work if found and is_known else None,
        cost_ms=1000 * found.cost(plan) if found and is_known else None,
        measured_ms=_work_now(item) if is_serving else None,
        alone=_alone(measured) if measured is not None else None,
        source=measured.source.value if measured is not None else "",
    )


def _outlook(item: Tuned) -> Outlook | None:
    if item.decision is None:
        return None
    observed = item.decision.observed
    return outlook.parse_outlook(
        observed,
        item.decision.predicted,
        serving=item.plan.base,
        cores=observed.get("cores", 1),
        min_saving_percent=item.model.batching.adaptive.min_saving_percent,
    )


def _work_now(item: Tuned) -> float | None:
    """Milliseconds of processors that a mean request really takes, reloads and all."""
    observed = item.decision.observed if item.decision is not None else {}
    micros, percent = observed.get("workMicrosPerSample"), observed.get("batchSizePercent")
    return micros * percent / 100_000 if micros and percent else None


def _measured(model: str, reports: Reports) -> Mapping[Plan, PlanCost]:
    """Of the first pod that knows any: all measure the same."""
    for report in reports.values():
        found = find_model(report, model)
        if found is not None and found.costs:
            return {cost.plan.plan: cost for cost in found.costs}
    return {}


def _alone(measured: PlanCost) -> Mapping[int, float]:
    return {point.batch_size: 1000 * point.span_seconds for point in measured.points}
