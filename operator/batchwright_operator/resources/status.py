"""The status of a ModelServer and of a Pipeline: what the controller found and decided."""

from typing import Any

from pydantic import ConfigDict, Field

from batchwright_operator.resources.conditions import Condition
from batchwright_operator.resources.strict import Strict


class _Kept(Strict):
    """A status part; keys of another release are passed over, so that going back works."""

    model_config = ConfigDict(extra="ignore")


class VersionStatus(_Kept):
    """One version of a model and its state."""

    version: int
    state: str


class DecisionStatus(_Kept):
    """The policy's last answer; figures are texts, since a status has no floating-point numbers."""

    action: str = ""
    reason: str = ""
    message: str = ""
    observed: dict[str, str | int] = Field(default={})
    predicted: dict[str, str | int] = Field(default={})


class ModelStatus(_Kept):
    """One model: its plan, and what the policy needs to go on after a restart."""

    name: str
    strategy: str = ""
    streams: str = ""
    since: str = ""  # RFC 3339
    versions: tuple[VersionStatus, ...] = ()
    policy: dict[str, Any] | None = None  # the policy's own versioned state
    decision: DecisionStatus | None = None


class PipelineStatus(_Kept):
    """The status of a Pipeline."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()


class ModelServerStatus(_Kept):
    """The whole status."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    selector: str = ""
    conditions: tuple[Condition, ...] = ()
    models: tuple[ModelStatus, ...] = ()

    def model(self, name: str) -> ModelStatus | None:
        """The status of the model of that name, if there is one."""
        return next((item for item in self.models if item.name == name), None)
