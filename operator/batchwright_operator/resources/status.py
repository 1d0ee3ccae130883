"""The status of a ModelServer and of a Pipeline: what the controller found and decided."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, computed_field

from batchwright_operator.resources.conditions import Condition, ConditionType
from batchwright_operator.resources.markers import ATOMIC, Keywords, list_map
from batchwright_operator.resources.opaque import KEPT_OPEN
from batchwright_operator.resources.strict import Strict

_TYPES = frozenset(ConditionType)
_FIGURES = Keywords((("maxProperties", 64),))


def _known(value: object) -> object:
    """Without conditions of another release, so that going back works."""
    if not isinstance(value, list):
        return value
    return [item for item in value if not isinstance(item, Mapping) or item.get("type") in _TYPES]


Conditions = Annotated[tuple[Condition, ...], BeforeValidator(_known), list_map("type")]


class _Kept(Strict):
    """A status part; keys of another release are passed over, so that going back works."""

    model_config = ConfigDict(extra="ignore")


class VersionStatus(_Kept):
    """One version of a model and its state."""

    version: int
    """The version's number."""
    state: str
    """Its state, as in TensorFlow Serving: START, LOADING, AVAILABLE, UNLOADING or END."""


class DecisionStatus(_Kept):
    """The policy's last answer; figures are texts, since a status has no floating-point numbers."""

    action: str = ""
    """What it comes to."""
    reason: str = ""
    """Why, as one CamelCase word for programs."""
    message: str = ""
    """Why, as a sentence with its numbers."""
    observed: Annotated[dict[str, str | int], _FIGURES] = Field(default={})
    """What was measured."""
    predicted: Annotated[dict[str, str | int], _FIGURES] = Field(default={})
    """What was expected of each strategy."""


class ModelStatus(_Kept):
    """One model: its plan, and what the policy needs to go on after a restart."""

    name: str
    """The model's name."""
    strategy: str = ""
    """The strategy it is served by."""
    streams: str = ""
    """How many inferences run at once: one, or OpenVINO's optimum."""
    bucket_sizes: Annotated[tuple[int, ...], ATOMIC] = ()
    """The batch sizes that Buckets are compiled for, if it is the strategy."""
    since: str = ""
    """Since when it is served so (RFC 3339)."""
    versions: Annotated[tuple[VersionStatus, ...], list_map("version")] = ()
    """The versions that are there and their states."""
    policy: Annotated[dict[str, Any], KEPT_OPEN] | None = None
    """The policy's own versioned state; not for other programs."""
    decision: DecisionStatus | None = None
    """The policy's last answer."""


class PipelineStatus(_Kept):
    """The status of a Pipeline."""

    observed_generation: int = 0
    """The generation of the object that this is about."""
    conditions: Conditions = ()
    """What is true of it: Accepted (its nodes fit together) and Ready (it is served)."""


class Summary(_Kept):
    """What `kubectl get` shows."""

    models: str
    """How many models have an available version, of how many."""
    strategies: str
    """The strategies that models are served by, each once."""


class ModelServerStatus(_Kept):
    """The whole status."""

    observed_generation: int = 0
    """The newest generation of the object that was wholly applied, down to the last pod."""
    replicas: int = 0
    """How many pods there are."""
    ready_replicas: int = 0
    """How many pods serve."""
    selector: str = ""
    """The labels of the pods, for an autoscaler."""
    conditions: Conditions = ()
    """What is true of it: Ready, ConfigApplied, ModelsAvailable and StrategySettled."""
    models: Annotated[tuple[ModelStatus, ...], list_map("name")] = ()
    """The models: how each is served, and why so."""

    @computed_field(description="What `kubectl get` shows.")  # type: ignore[prop-decorator]  # pydantic's way
    @property
    def summary(self) -> Summary:
        """What `kubectl get` shows: a column has one text, not a list's."""
        available = sum(_is_available(model.versions) for model in self.models)
        strategies = dict.fromkeys(model.strategy for model in self.models if model.strategy)
        return Summary(
            models=f"{available}/{len(self.models)}",
            strategies=",".join(name.capitalize() for name in strategies),
        )

    def model(self, name: str) -> ModelStatus | None:
        """The status of the model of that name, if there is one."""
        return next((item for item in self.models if item.name == name), None)


def _is_available(versions: Iterable[VersionStatus]) -> bool:
    return any(version.state == "AVAILABLE" for version in versions)
