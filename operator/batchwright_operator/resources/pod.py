"""What users may say about the pods and their Service."""

from collections import Counter
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from batchwright_operator.resources import quantity
from batchwright_operator.resources.environment import EnvVar
from batchwright_operator.resources.labels import Annotations, Labels
from batchwright_operator.resources.opaque import OpenObject
from batchwright_operator.resources.quantity import Quantity
from batchwright_operator.resources.references import PullSecret
from batchwright_operator.resources.strict import NonNegative, Port, Strict, Text

# The container's own facts, which the server's command line refers to.
_OURS = ("POD_NAME", "POD_IP")


class ServiceType(StrEnum):
    """How the Service is reached."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class Service(Strict):
    """The ports clients use."""

    type: ServiceType = ServiceType.CLUSTER_IP
    grpc_port: Port = 9000
    http_port: Port = 8000

    @model_validator(mode="after")
    def _check_ports(self) -> "Service":
        if self.grpc_port == self.http_port:
            raise ValueError(f"grpcPort and httpPort must differ; both are {self.grpc_port}")
        return self


class Resources(Strict):
    """The container's share of its node, in Kubernetes quantities."""

    requests: dict[str, Quantity] = Field(default={})
    limits: dict[str, Quantity] = Field(default={})

    @model_validator(mode="after")
    def _check_order(self) -> "Resources":
        for name, request in self.requests.items():
            limit = self.limits.get(name)
            if limit is not None and quantity.amount(request) > quantity.amount(limit):
                raise ValueError(
                    f"{name}: expected a request of at most the limit, {limit}; got {request}"
                )
        return self


class Toleration(Strict):
    """As in a pod's spec."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: NonNegative | None = None


class Pod(Strict):
    """What users may change of the pod; a change here rolls the Deployment."""

    image: Text | None = None
    image_pull_secrets: tuple[PullSecret, ...] = ()
    resources: Resources = Resources()
    env: tuple[EnvVar, ...] = ()
    annotations: Annotations = Field(default={})
    node_selector: Labels = Field(default={})
    tolerations: tuple[Toleration, ...] = ()
    priority_class_name: Text | None = None
    affinity: OpenObject | None = None
    topology_spread_constraints: Annotated[tuple[OpenObject, ...], Field(max_length=16)] = ()

    @field_validator("env")
    @classmethod
    def _check_env(cls, value: tuple[EnvVar, ...]) -> tuple[EnvVar, ...]:
        names = Counter(item.name for item in value)
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise ValueError(f"each variable once; given more than once: {', '.join(twice)}")
        taken = [name for name in _OURS if name in names]
        if taken:
            raise ValueError(f"{', '.join(taken)} is set by Batchwright itself; use another name")
        return value
