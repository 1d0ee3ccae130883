"""Which change of a status is worth a write at once, and which can wait for the next one.

What has happened is written at once, since it must outlive a restart or somebody waits for it. Figures
change at every look, and each write of them would wake everybody who watches.
"""

from typing import Any

from batchwright_operator.resources.conditions import Condition, ConditionStatus
from batchwright_operator.resources.status import ModelServerStatus, ModelStatus, PipelineStatus

# Of the policy's state: what every look adds to. A restart loses a minute of it at most.
_FIGURES = frozenset({"lossMicros"})
# Reasons of true conditions whose words somebody waits for.
_UNDER_WAY = frozenset({"RollingOut", "NewPodsCrashing"})


def is_transition(
    old: ModelServerStatus | PipelineStatus | None, new: ModelServerStatus | PipelineStatus
) -> bool:
    """Whether `new` says that something has happened, and not only other figures of the same."""
    if old is None or type(old) is not type(new):
        return True
    if isinstance(old, ModelServerStatus) and isinstance(new, ModelServerStatus):
        return _facts(old) != _facts(new)
    return _conditions(old.conditions) != _conditions(new.conditions) or (
        old.observed_generation != new.observed_generation
    )


def _facts(status: ModelServerStatus) -> tuple[object, ...]:
    return (
        status.observed_generation,
        status.replicas,
        status.ready_replicas,
        status.selector,
        _conditions(status.conditions),
        tuple(_model_facts(model) for model in status.models),
    )


def _model_facts(model: ModelStatus) -> tuple[object, ...]:
    decision = model.decision
    return (
        model.name,
        model.strategy,
        model.streams,
        model.since,
        model.versions,
        _without_figures(model.policy),
        (decision.action, decision.reason) if decision is not None else None,
    )


def _conditions(conditions: tuple[Condition, ...]) -> tuple[tuple[object, ...], ...]:
    return tuple(
        # What is wrong may have become something else that goes by the same reason.
        (item.type, item.status, item.reason, item.observed_generation, _words(item))
        for item in conditions
    )


def _words(condition: Condition) -> str:
    is_told = condition.status is ConditionStatus.FALSE or condition.reason in _UNDER_WAY
    return condition.message if is_told else ""


def _without_figures(policy: dict[str, Any] | None) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {key: value for key, value in policy.items() if key not in _FIGURES}
