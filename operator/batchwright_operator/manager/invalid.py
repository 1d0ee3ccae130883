"""What is told of objects that this release cannot act on, and of Pipelines that nobody serves."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from batchwright_operator.reconcile.outcome import format_time
from batchwright_operator.resources.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    merge_conditions,
)
from batchwright_operator.resources.metadata import Metadata
from batchwright_operator.resources.modelserver import ModelServer, ModelServerSpec
from batchwright_operator.resources.objects import InvalidObject
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus

_LONGEST = 1024
Raw = Mapping[str, Any]


def bare_server(raw: Raw) -> ModelServer:
    """The object by its metadata alone, for writing its status."""
    metadata = raw["metadata"]
    fields = {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata.get("uid", ""),
        "generation": metadata.get("generation", 1),
        "resource_version": metadata["resourceVersion"],
    }
    spec = ModelServerSpec.model_construct(models=())
    return ModelServer.model_construct(metadata=Metadata.model_construct(**fields), spec=spec)


def server_status(raw: Raw, why: Condition, *, now: float) -> ModelServerStatus | None:
    """The status so far, with the condition in it; None if it says so already.

    The generation that was last wholly applied stays what it is.
    """
    previous = _parse_server(raw.get("status"))
    conditions = merge_conditions(previous.conditions, [why], now=format_time(now))
    status = previous.model_copy(update={"conditions": conditions})
    return status if status != previous else None


def pipeline_status(raw: Raw, told: Iterable[Condition], *, now: float) -> PipelineStatus | None:
    """The status so far, with the conditions in it; None if it says so already."""
    previous = _parse_pipeline(raw.get("status"))
    status = PipelineStatus(
        observed_generation=raw["metadata"].get("generation", 1),
        conditions=merge_conditions(previous.conditions, told, now=format_time(now)),
    )
    return status if status != previous else None


def invalid_spec(raw: Raw, error: InvalidObject) -> Condition:
    """Ready is false, with the path of each problem."""
    return not_ready(raw, "InvalidSpec", str(error))


def not_ready(raw: Raw, reason: str, message: str) -> Condition:
    """Ready is false."""
    return Condition(
        type=ConditionType.READY,
        status=ConditionStatus.FALSE,
        reason=reason,
        message=message[:_LONGEST],
        observed_generation=raw["metadata"].get("generation", 1),
    )


def not_accepted(raw: Raw, reason: str, message: str) -> tuple[Condition, Condition]:
    """A Pipeline's two conditions: it is not accepted, and thus not ready."""
    ready = not_ready(raw, reason, message)
    return ready.model_copy(update={"type": ConditionType.ACCEPTED}), ready


def _parse_server(status: object) -> ModelServerStatus:
    try:
        return ModelServerStatus.model_validate(status or {})
    except ValidationError:
        return ModelServerStatus()


def _parse_pipeline(status: object) -> PipelineStatus:
    try:
        return PipelineStatus.model_validate(status or {})
    except ValidationError:
        return PipelineStatus()
