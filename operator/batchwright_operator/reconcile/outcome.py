"""The status of a ModelServer, and the events that a change of status is worth."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from batchwright_operator.reconcile import judgement
from batchwright_operator.reconcile.observed import Observed, Pod
from batchwright_operator.render import names
from batchwright_operator.resources.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    get_condition,
    merge_conditions,
    set_condition,
)
from batchwright_operator.resources.status import ModelServerStatus, ModelStatus


class EventType(StrEnum):
    """As on a Kubernetes event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True)
class Event:
    """Something that happened; `at` is Unix time in seconds.

    It is about the ModelServer, or about its Pipeline of the name `pipeline`.
    """

    at: float
    type: EventType
    reason: str
    message: str
    model: str = ""
    from_plan: str = ""
    to_plan: str = ""
    pipeline: str = ""


def format_time(now: float) -> str:
    """Unix time in seconds as RFC 3339, to the second, in UTC."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build_status(
    look: judgement.Look, models: Iterable[ModelStatus], previous: ModelServerStatus, *, now: float
) -> ModelServerStatus:
    """The new status; conditions keep the time since which they hold."""
    selector = names.selector(look.server)
    judged = judgement.judge(look)
    return ModelServerStatus(
        observed_generation=look.applied_generation,
        replicas=_replicas(look.observed),
        ready_replicas=look.ready_pods,
        selector=",".join(f"{key}={value}" for key, value in sorted(selector.items())),
        conditions=merge_conditions(previous.conditions, judged, now=format_time(now)),
        models=tuple(models),
    )


def _replicas(observed: Observed) -> int:
    """How many pods there are, as the Deployment counts them; an autoscaler reckons with it."""
    deployment = observed.deployment or {}
    return int(deployment.get("status", {}).get("replicas", len(observed.current_pods)))


def stopped(status: ModelServerStatus, *, now: float) -> ModelServerStatus:
    """The status of an object whose pods were ended and that nothing keeps any more."""
    told = Condition(
        type=ConditionType.READY,
        status=ConditionStatus.FALSE,
        reason="Stopped",
        message="Its pods were ended, and nothing keeps it.",
        observed_generation=status.observed_generation,
    )
    conditions = set_condition(status.conditions, told, now=format_time(now))
    return status.model_copy(update={"replicas": 0, "ready_replicas": 0, "conditions": conditions})


def condition_events(
    previous: ModelServerStatus, status: ModelServerStatus, *, now: float
) -> Iterator[Event]:
    """An event for each condition that has come true again or has gone bad.

    What is only under way is told by the conditions themselves.
    """
    for condition in status.conditions:
        old = get_condition(previous.conditions, condition.type)
        if _is_bad_news(condition, old):
            kind = EventType.WARNING
        elif condition.is_true and old is not None and not old.is_true:
            kind = EventType.NORMAL
        else:
            continue
        yield Event(at=now, type=kind, reason=condition.reason, message=condition.message)


_FAULTS = frozenset(
    {
        "PodsCrashing",
        "NewPodsCrashing",
        "ModelNotFetched",
        "NewPodsNotFetched",
        "ConfigRejected",
        "ModelsNotAvailable",
        "ObjectNotOwned",
        "ApplyRefused",
    }
)


def _is_bad_news(condition: Condition, old: Condition | None) -> bool:
    if old is not None and old.reason == condition.reason:
        return False
    # Silence is news only after an answer.
    was_true = old is not None and old.is_true
    return condition.reason in _FAULTS or (was_true and condition.reason == "MetricsUnreachable")


def restart_events(previous: Iterable[Pod], observed: Iterable[Pod], *, now: float) -> Iterator[Event]:
    """An event for each pod whose process was started again."""
    before = {pod.name: pod.restarts for pod in previous}
    for pod in observed:
        if pod.restarts > before.get(pod.name, 0):
            text = f"Pod {pod.name} was restarted ({pod.restarts} times so far): {pod.reason}"
            yield Event(at=now, type=EventType.WARNING, reason="PodRestarted", message=text)
