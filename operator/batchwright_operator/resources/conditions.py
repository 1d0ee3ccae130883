"""Conditions: what is true of an object, since when and why. Pure functions over tuples of them."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from batchwright_operator.resources.strict import NonNegative, Strict


class ConditionType(StrEnum):
    """The conditions of a ModelServer, and of a Pipeline (Accepted and Ready)."""

    READY = "Ready"
    CONFIG_APPLIED = "ConfigApplied"
    MODELS_AVAILABLE = "ModelsAvailable"
    STRATEGY_SETTLED = "StrategySettled"
    ACCEPTED = "Accepted"


# As in Kubernetes' own Condition. The type is no closed set to a cluster: its schema may be older.
_TYPE = {"type": "string", "maxLength": 316, "pattern": "^[A-Za-z]([A-Za-z0-9]*)$"}
_REASON = {"type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[A-Za-z][A-Za-z0-9]*$"}
_MESSAGE = {"type": "string", "maxLength": 32768}
_TIME = {"type": "string", "format": "date-time"}
_LONGEST_MESSAGE = 4096


def _is_empty(text: str) -> bool:
    return not text  # which is no time to a cluster; it would refuse the whole status


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


class ConditionStatus(StrEnum):
    """Whether it holds."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Strict):
    """One condition; `last_transition_time` (RFC 3339) is that of its status, not of its reason."""

    type: Annotated[ConditionType, WithJsonSchema(_TYPE)]
    """What it is about, in CamelCase."""
    status: ConditionStatus
    """Whether it holds: True, False or Unknown."""
    reason: Annotated[str, WithJsonSchema(_REASON)]
    """Why, as one CamelCase word for programs."""
    message: Annotated[str, AfterValidator(_cut), WithJsonSchema(_MESSAGE)]
    """Why, as a sentence."""
    observed_generation: NonNegative = 0
    """The generation of the object that it was true of."""
    last_transition_time: Annotated[str, WithJsonSchema(_TIME), Field(exclude_if=_is_empty)] = ""
    """Since when its status is what it is."""

    @property
    def is_true(self) -> bool:
        """Whether the condition holds."""
        return self.status is ConditionStatus.TRUE


def get_condition(conditions: Iterable[Condition], condition_type: ConditionType) -> Condition | None:
    """The condition of that type, if there is one."""
    return next((item for item in conditions if item.type is condition_type), None)


def set_condition(
    conditions: tuple[Condition, ...], new: Condition, *, now: str
) -> tuple[Condition, ...]:
    """`conditions` with `new` in its place; its transition time is `now` only if its status changed."""
    old = get_condition(conditions, new.type)
    unchanged = old is not None and old.status is new.status
    since = old.last_transition_time if old is not None and unchanged else now
    placed = new.model_copy(update={"last_transition_time": since})
    if old is None:
        return (*conditions, placed)
    return tuple(placed if item.type is new.type else item for item in conditions)


def merge_conditions(
    conditions: tuple[Condition, ...], new: Iterable[Condition], *, now: str
) -> tuple[Condition, ...]:
    """`conditions` with all of `new` set."""
    for condition in new:
        conditions = set_condition(conditions, condition, now=now)
    return conditions
