"""What stands against an object, in a sentence."""

from batchwright_operator.resources.conditions import ConditionStatus, ConditionType, get_condition
from batchwright_operator.resources.status import ModelServerStatus

_BY_WEIGHT = (ConditionType.CONFIG_APPLIED, ConditionType.READY, ConditionType.MODELS_AVAILABLE)


def find_trouble(status: ModelServerStatus) -> str:
    """The message of the weightiest condition that does not hold; empty where all is well."""
    for kind in _BY_WEIGHT:
        condition = get_condition(status.conditions, kind)
        if condition is not None and condition.status is ConditionStatus.FALSE:
            return condition.message
    return ""
