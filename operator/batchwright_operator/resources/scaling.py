"""How many pods there are when their load decides it."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from batchwright_operator.resources.markers import ATOMIC, Rule
from batchwright_operator.resources.opaque import OpenObject
from batchwright_operator.resources.strict import Strict

Replicas = Annotated[int, Field(strict=True, ge=1, le=1000)]


class Autoscaling(Strict):
    """A HorizontalPodAutoscaler that writes the number of replicas."""

    rules: ClassVar = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "expected minReplicas of at most maxReplicas",
            ".minReplicas",
        ),
    )

    min_replicas: Replicas = 1
    """The smallest number of pods."""
    max_replicas: Replicas
    """The largest number of pods."""
    metrics: Annotated[tuple[OpenObject, ...], Field(max_length=16), ATOMIC] = ()
    """What the number follows: metrics as in a HorizontalPodAutoscaler of autoscaling/v2.
    Absent: the pods' CPU use, as Kubernetes has it by default."""
    behavior: OpenObject | None = None
    """How fast the number may change, as in a HorizontalPodAutoscaler of autoscaling/v2."""

    @model_validator(mode="after")
    def _check_order(self) -> "Autoscaling":
        if self.min_replicas > self.max_replicas:
            raise ValueError(
                f"expected minReplicas of at most maxReplicas ({self.max_replicas}), "
                f"got {self.min_replicas}"
            )
        return self
