"""A decision's numbers in a form that a status keeps and that can be reckoned with again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from batchwright_operator.policy.demand import Demand
from batchwright_operator.policy.readings import ReloadCost
from batchwright_operator.policy.situation import Situation
from batchwright_operator.policy.traffic import Traffic
from batchwright_server.config.plan import Plan, Strategy, Streams

Figures = Mapping[str, int]

# Batch sizes that a status tells one by one; the rarer ones are left out.
MOST_SIZES = 16
_SIZE = re.compile(r"batchSize(\d+)Permille")
_RELOAD_WORK, _RELOAD_SPAN = "reloadWorkMicros", "reloadSpanMicros"
_KEYS = {
    Plan(strategy, streams): f"{strategy.value}{streams.value.capitalize()}"
    for strategy in Strategy
    for streams in Streams
}
_RELOADS = "wouldReloadsPerThousandRequests"


@dataclass(frozen=True)
class MeanRequest:
    """What a request of the traffic seen costs on average under a plan, reloads aside; in seconds."""

    work: float
    span: float


@dataclass(frozen=True)
class Outlook:
    """The traffic and the costs on which a decision rests."""

    serving: Plan
    requests: Mapping[Plan, MeanRequest]
    reload: ReloadCost
    reloads_per_request: float  # that reload makes, or would make
    concurrency: float
    cores: float
    min_saving: float  # share

    def cost(self, plan: Plan) -> float:
        """Seconds of one pod for one request under `plan`."""
        mean = self.requests[plan]
        reloads = self.reloads_per_request if plan.strategy is Strategy.RELOAD else 0.0
        streaming = mean.span if plan.streams is Streams.ONE else 0.0
        demand = Demand(
            work=mean.work + reloads * self.reload.work_seconds,
            span=mean.span + reloads * self.reload.span_seconds,
            serial=max(streaming, reloads * self.reload.span_seconds),
        )
        return demand.elapsed(concurrency=max(1.0, self.concurrency), cores=self.cores)

    @property
    def choice(self) -> Plan:
        """The plan that these numbers speak for: the one in place, unless another saves enough."""
        best = min(self.requests, key=lambda plan: (self.cost(plan), plan))
        is_worth_it = self.cost(best) < (1 - self.min_saving) * self.cost(self.serving)
        return best if is_worth_it else self.serving


def to_histogram(total: Traffic) -> dict[str, int]:
    """The batch sizes asked for most, as shares of the requests."""
    most = sorted(total.requests.items(), key=lambda item: (-item[1], item[0]))[:MOST_SIZES]
    return {
        f"batchSize{size}Permille": round(1000 * count / total.request_count) for size, count in most
    }


def to_figures(situation: Situation) -> dict[str, int]:
    """What each known plan asks of a pod for the window's mean request."""
    total, predictor = situation.total, situation.predictor
    if not total.request_count:
        return {}
    numbers = {}
    for plan in (plan for plan in situation.named_plans if plan in predictor.costs.plans):
        mean, name = predictor.inference(total, plan), plan_key(plan)
        numbers[f"{name}WorkMicros"] = round(1e6 * mean.work / total.request_count)
        numbers[f"{name}SpanMicros"] = round(1e6 * mean.span / total.request_count)
    if reload := predictor.costs.reload:
        reloads = total.reloads_under(strategy=Strategy.RELOAD, serving=situation.state.plan.strategy)
        numbers[_RELOAD_WORK] = round(1e6 * reload.work_seconds)
        numbers[_RELOAD_SPAN] = round(1e6 * reload.span_seconds)
        numbers[_RELOADS] = round(1000 * reloads / total.request_count)
    return numbers


def parse_histogram(observed: Figures) -> dict[int, float]:
    """The shares of the batch sizes told, by size."""
    found = {_SIZE.fullmatch(key): value for key, value in observed.items()}
    return {int(match[1]): value / 1000 for match, value in sorted(found.items(), key=_size) if match}


def parse_outlook(
    observed: Figures, predicted: Figures, *, serving: Plan, cores: int, min_saving_percent: int
) -> Outlook | None:
    """The numbers of a decision; None where it had none, or not those of the plan in place."""
    requests = {
        plan: MeanRequest(predicted[work] / 1e6, predicted[span] / 1e6)
        for plan in (Plan(strategy, streams) for strategy in Strategy for streams in Streams)
        for work, span in [(f"{plan_key(plan)}WorkMicros", f"{plan_key(plan)}SpanMicros")]
        if work in predicted and span in predicted
    }
    if serving not in requests:
        return None
    return Outlook(
        serving=serving,
        requests=requests,
        reload=ReloadCost(predicted.get(_RELOAD_WORK, 0) / 1e6, predicted.get(_RELOAD_SPAN, 0) / 1e6),
        reloads_per_request=predicted.get(_RELOADS, 0) / 1000,
        concurrency=observed.get("concurrencyPercent", 100) / 100,
        cores=cores,
        min_saving=min_saving_percent / 100,
    )


def plan_key(plan: Plan) -> str:
    """What the keys of a plan's numbers begin with: `reloadOne`."""
    return _KEYS[plan.base]


def _size(item: tuple[re.Match[str] | None, int]) -> int:
    return int(item[0][1]) if item[0] else 0
