"""The part of a status that is about one model."""

from collections.abc import Iterable, Iterator

from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.policy.decision import Decision
from batchwright_operator.reconcile.observed import Reports
from batchwright_operator.reconcile.outcome import format_time
from batchwright_operator.resources.status import (
    DecisionStatus,
    ModelServerStatus,
    ModelStatus,
    VersionStatus,
)
from batchwright_server.config.plan import Plan, Strategy
from batchwright_server.config.signals import ModelSignals, Signals


def to_model_status(
    tuned: Tuned, reports: Reports, previous: ModelServerStatus, *, now: float
) -> ModelStatus:
    """One model's status; a plan that stays keeps the time since which it serves."""
    plan, name = tuned.plan, tuned.model.name
    old = previous.model(name)
    is_same = old is not None and (old.strategy, old.streams) == (plan.strategy, plan.streams)
    kept = old.since if old is not None and is_same else format_time(now)
    return ModelStatus(
        name=name,
        strategy=plan.strategy.value,
        streams=plan.streams.value,
        bucket_sizes=_sizes_of(tuned),
        since=format_time(tuned.state.since) if tuned.state is not None else kept,
        versions=_versions(name, reports),
        policy=tuned.state.to_status() if tuned.state is not None else None,
        decision=_decision_status(tuned.decision) if tuned.decision is not None else None,
    )


def _sizes_of(tuned: Tuned) -> tuple[int, ...]:
    """What buckets are compiled for, the user's choice or the policy's; nothing under other plans."""
    if tuned.plan.strategy is not Strategy.BUCKETS:
        return ()
    return tuned.model.batching.buckets.sizes or tuned.plan.sizes


def _versions(name: str, reports: Reports) -> tuple[VersionStatus, ...]:
    # Pods differ only while they load; what any pod says last of a version is good enough here.
    states = {
        model.version: model.state
        for _, report in sorted(reports.items())
        if isinstance(report, Signals)
        for model in report.models
        if model.name == name
    }
    return tuple(VersionStatus(version=key, state=states[key]) for key in sorted(states))


def _decision_status(decision: Decision) -> DecisionStatus:
    return DecisionStatus(
        action=decision.action.value,
        reason=decision.reason,
        message=decision.message,
        observed=dict(decision.observed),
        predicted=dict(decision.predicted),
    )


def unsettled(tuned: Iterable[Tuned], reports: Reports) -> Iterator[str]:
    """A sentence for each model that a pod still serves with another plan than wanted."""
    for item in tuned:
        late = [
            pod
            for pod, report in sorted(reports.items())
            if isinstance(report, Signals) and _serves_otherwise(report, pod, item)
        ]
        if late:
            plans = dict.fromkeys(str(item.plan_on(pod)) for pod in late)
            yield f"{item.model.name} is going to {' and '.join(plans)} on {', '.join(late)}."


def canaries(tuned: Iterable[Tuned]) -> Iterator[str]:
    """A sentence for each model whose next plan one pod tries."""
    for item in tuned:
        if (canary := item.canary) is not None:
            yield f"{item.model.name} is tried with {canary.plan} on {canary.pod}, beside {item.plan}."


def _serves_otherwise(report: Signals, pod: str, item: Tuned) -> bool:
    wanted = item.plan_on(pod)
    return any(
        model.name == item.model.name and not _serves(model, wanted)
        for model in report.models
        if model.plan is not None
    )


def _serves(told: ModelSignals, wanted: Plan) -> bool:
    is_base = told.plan is not None and told.plan.plan == wanted.base
    has_sizes = not wanted.sizes or told.bucket_sizes in ((), wanted.sizes)  # old servers tell none
    return is_base and has_sizes
