"""The status of a Pipeline, from one look at the pods of its ModelServer."""

from collections.abc import Iterator

from batchwright_operator.reconcile.judgement import Look
from batchwright_operator.reconcile.outcome import Event, EventType, format_time
from batchwright_operator.reconcile.pipelines import LeftOut
from batchwright_operator.resources.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    get_condition,
    merge_conditions,
)
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_operator.resources.status import PipelineStatus
from batchwright_server.config.signals import PipelineSignals, Signals

_Finding = tuple[ConditionStatus, str, str]  # status, reason, message


def build_pipeline_status(
    pipeline: Pipeline, left_out: LeftOut | None, look: Look, previous: PipelineStatus, *, now: float
) -> PipelineStatus:
    """The new status; conditions keep the time since which they hold."""
    accepted = _accepted(left_out, look)
    ready = _not_served(accepted) or _ready(pipeline, look)
    return _status(pipeline.metadata.generation, accepted, ready, previous, now=now)


def orphan_status(pipeline: Pipeline, message: str, *, now: float) -> PipelineStatus:
    """The status of a Pipeline whose ModelServer does not exist."""
    missing = (ConditionStatus.FALSE, "ModelServerNotFound", message)
    return _status(pipeline.metadata.generation, missing, missing, PipelineStatus(), now=now)


def stopped(previous: PipelineStatus, *, now: float) -> PipelineStatus:
    """The status once the pods were ended."""
    ready = (ConditionStatus.FALSE, "Stopped", "Its ModelServer was stopped.")
    condition = _condition(ConditionType.READY, ready, previous.observed_generation)
    conditions = merge_conditions(previous.conditions, [condition], now=format_time(now))
    return previous.model_copy(update={"conditions": conditions})


def pipeline_events(
    pipeline: Pipeline, previous: PipelineStatus, status: PipelineStatus, *, now: float
) -> Iterator[Event]:
    """An event when the Pipeline begins to serve, and when it is refused in other words than before."""
    for kind, wanted, event in (
        (ConditionType.ACCEPTED, ConditionStatus.FALSE, EventType.WARNING),
        (ConditionType.READY, ConditionStatus.TRUE, EventType.NORMAL),
    ):
        new, old = (get_condition(item.conditions, kind) for item in (status, previous))
        if new is None or new.status is not wanted:
            continue
        if old is None or (old.status, old.message) != (new.status, new.message):
            reason = f"Pipeline{new.reason}"
            name = pipeline.name
            yield Event(at=now, type=event, reason=reason, message=new.message, pipeline=name)


def _accepted(left_out: LeftOut | None, look: Look) -> _Finding:
    name = look.server.name
    if left_out is not None:
        return ConditionStatus.FALSE, left_out.reason, left_out.message
    if look.applied.is_everywhere:
        return ConditionStatus.TRUE, "Accepted", f"It is in the configuration of ModelServer {name}."
    if look.refusal is not None:
        text = f"The configuration of ModelServer {name} was refused; its ConfigApplied says why."
        return ConditionStatus.UNKNOWN, "ConfigRejected", text
    return ConditionStatus.UNKNOWN, "Applying", f"The pods of ModelServer {name} have not answered yet."


def _not_served(accepted: _Finding) -> _Finding | None:
    status, reason, message = accepted
    return None if status is ConditionStatus.TRUE else (status, reason, message)


def _ready(pipeline: Pipeline, look: Look) -> _Finding:
    for pod in look.observed.current_pods:
        found = _signals_of(pipeline, look, pod.name)
        if found is None or found.fault:
            why = found.fault if found is not None else "it is not there yet"
            return ConditionStatus.FALSE, "NotServed", f"On {pod.name}: {why}"
        if not pod.ready:
            return ConditionStatus.FALSE, "PodsNotReady", f"{pod.name} is not ready."
    return ConditionStatus.TRUE, "Serving", f"Clients get it by the name {pipeline.served_name!r}."


def _signals_of(pipeline: Pipeline, look: Look, pod: str) -> PipelineSignals | None:
    report = look.reports.get(pod)
    if not isinstance(report, Signals):
        return None
    return next((item for item in report.pipelines if item.name == pipeline.served_name), None)


def _status(
    generation: int, accepted: _Finding, ready: _Finding, previous: PipelineStatus, *, now: float
) -> PipelineStatus:
    conditions = (
        _condition(ConditionType.ACCEPTED, accepted, generation),
        _condition(ConditionType.READY, ready, generation),
    )
    return PipelineStatus(
        observed_generation=generation,
        conditions=merge_conditions(previous.conditions, conditions, now=format_time(now)),
    )


def _condition(kind: ConditionType, finding: _Finding, generation: int) -> Condition:
    status, reason, message = finding
    return Condition(
        type=kind, status=status, reason=reason, message=message, observed_generation=generation
    )
