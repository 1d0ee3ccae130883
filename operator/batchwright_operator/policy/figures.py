"""The numbers of a decision, as integers that a status may hold.

Rates are of all pods together; percents of a ratio mean 100 for equal (310: 3.1 times as much).
"""

from collections.abc import Mapping

from batchwright_operator.policy import outlook
from batchwright_operator.policy.check import Finding
from batchwright_operator.policy.choice import Alternative
from batchwright_operator.policy.decision import Decision, Reason
from batchwright_operator.policy.readings import ReloadCost
from batchwright_operator.policy.situation import Situation
from batchwright_server.config.plan import Plan, Strategy

_PREDICTED = "speedupPercent"
_MEASURED = "measuredSpeedupPercent"


def observed(situation: Situation) -> dict[str, int]:
    """What the window showed; pods, and nothing else, where it is empty."""
    total, seconds = situation.total, situation.state.history.seconds
    numbers = {"pods": len(situation.readings), "windowSeconds": round(seconds)}
    if not seconds:
        return numbers
    pods = total.seconds / seconds
    return {
        **numbers,
        "requestsPerMinute": round(60 * pods * total.request_count / total.seconds),
        "samplesPerSecond": round(pods * total.samples_per_second),
        "batchSizePercent": round(100 * total.mean_batch_size),
        "concurrencyPercent": round(100 * total.concurrency),
        "cpuPercent": round(100 * total.cpu_seconds / max(total.core_seconds, 1e-9)),
        "reloadsPerMinute": round(60 * pods * total.reloads / total.seconds),
        "wouldReloadsPerMinute": round(60 * pods * total.would_reloads / total.seconds),
        "reloadWorkPercent": reload_work_percent(situation),
        "cores": round(total.cores),
        "workMicrosPerSample": round(1e6 * total.cpu_seconds / max(total.samples, 1)),
        **outlook.to_histogram(total),
    }


def reload_work_percent(situation: Situation) -> int:
    """The reloads' share of all work, as their costs say; 0 where these are unknown."""
    state, predictor, total = situation.state, situation.predictor, situation.total
    is_countable = state.plan.strategy is Strategy.RELOAD and predictor.is_known(state.plan)
    reload = predictor.costs.reload or ReloadCost(0.0, 0.0)
    reloading = total.reloads * reload.work_seconds
    if not is_countable or not reloading:
        return 0
    factor = predictor.costs.plans[state.plan].factor
    return round(100 * factor * reloading / predictor.demand(total, state.plan).work)


def predicted(situation: Situation, best: Alternative | None) -> dict[str, int]:
    """What each known plan could serve, and how much better the best alternative would be."""
    predictor, total = situation.predictor, situation.total
    known = [plan for plan in situation.named_plans if total.request_count and predictor.is_known(plan)]
    rates = predictor.samples_per_second_under(known)
    numbers = {samples_key(plan): round(rate) for plan, rate in rates.items()}
    numbers |= outlook.to_figures(situation)
    if best is None:
        return numbers
    return {
        **numbers,
        _PREDICTED: round(100 * best.speedup),
        "savingPercent": round(100 * best.saving),
        "lossMilliseconds": round(1000 * best.loss_seconds),
    }


def found(finding: Finding) -> Mapping[str, int]:
    """What a check compared."""
    return {
        _PREDICTED: round(finding.predicted / 10),
        _MEASURED: round(finding.measured / 10),
    }


def prediction_error(decision: Decision) -> float | None:
    """How far from what was predicted the decision's check found the gain: |measured / predicted - 1|.

    None where the decision is not about a check, or the traffic before and after cannot be compared.
    """
    expected = decision.predicted.get(_PREDICTED, 0)
    measured = decision.predicted.get(_MEASURED)
    if measured is None or expected <= 0 or decision.reason is Reason.TRAFFIC_CHANGED:
        return None
    return abs(measured / expected - 1)


def samples_key(plan: Plan) -> str:
    """The key under which a plan's predicted samples per second stand: `reloadOneSamplesPerSecond`."""
    return f"{outlook.plan_key(plan)}SamplesPerSecond"
