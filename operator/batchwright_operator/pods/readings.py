"""From the signals on the wire to what the policy reads."""

from collections.abc import Iterator

from batchwright_operator.policy import readings
from batchwright_operator.reconcile.observed import Reports
from batchwright_server.config import signals


def to_scrape(model: str, reports: Reports, expected_pods: int) -> readings.Scrape:
    """What the pods that answered said of one model; of its versions the newest that serves counts."""
    found = tuple(_readings(model, reports))
    return readings.Scrape(readings=found, expected_pods=expected_pods)


def _readings(model: str, reports: Reports) -> Iterator[readings.Reading]:
    for pod, report in sorted(reports.items()):
        if isinstance(report, signals.Signals):
            versions = [item for item in report.models if item.name == model]
            if versions:
                yield _reading(pod, report, max(versions, key=_rank))


def _rank(model: signals.ModelSignals) -> tuple[bool, int]:
    return model.plan is not None, model.version


def _reading(pod: str, server: signals.Signals, model: signals.ModelSignals) -> readings.Reading:
    reload_cost = model.reload_cost
    return readings.Reading(
        pod=pod,
        process=server.process,
        uptime_seconds=server.uptime_seconds,
        cpu_seconds=server.cpu_seconds,
        cores=server.cores,
        plan=model.plan.plan if model.plan is not None else None,
        counters=_counters(model.counters),
        costs=tuple(_plan_cost(cost) for cost in model.costs),
        reload_cost=readings.ReloadCost(reload_cost.work_seconds, reload_cost.span_seconds)
        if reload_cost is not None
        else None,
        fallback=model.fallback,
        bucket_sizes=model.bucket_sizes,
    )


def _counters(told: signals.ModelCounters) -> readings.Counters:
    """What the policy reads of them; servers count more."""
    return readings.Counters(
        requests=told.requests,
        failed_requests=told.failed_requests,
        samples=told.samples,
        in_flight_seconds=told.in_flight_seconds,
        reloads=told.reloads,
        reload_seconds=told.reload_seconds,
        queue_wait_seconds=told.queue_wait_seconds,
        would_reloads=told.would_reloads,
    )


def _plan_cost(cost: signals.PlanCost) -> readings.PlanCost:
    points = tuple(
        readings.CostPoint(point.batch_size, point.work_seconds, point.span_seconds)
        for point in cost.points
    )
    return readings.PlanCost(cost.plan.plan, points, cost.prepare_seconds)
