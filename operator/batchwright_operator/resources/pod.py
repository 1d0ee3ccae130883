"""What users may say about the pods and their Service."""

from collections import Counter
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from batchwright_operator.resources import quantity
from batchwright_operator.resources.environment import OURS, EnvVar
from batchwright_operator.resources.labels import Labels, PodAnnotations, PodLabels
from batchwright_operator.resources.markers import ATOMIC, Rule, list_map
from batchwright_operator.resources.opaque import OpenObject
from batchwright_operator.resources.quantity import Quantity
from batchwright_operator.resources.references import ObjectName, PullSecret
from batchwright_operator.resources.strict import NonNegative, Port, Strict, Text


class ServiceType(StrEnum):
    """How the Service is reached."""

    CLUSTER_IP = "ClusterIP"
    NODE_PORT = "NodePort"
    LOAD_BALANCER = "LoadBalancer"


class Service(Strict):
    """The ports clients use."""

    rules: ClassVar = (
        Rule("self.grpcPort != self.httpPort", "grpcPort and httpPort must differ", ".httpPort"),
    )

    type: ServiceType = ServiceType.CLUSTER_IP
    """How it is reached: from inside the cluster, by a port of each node, or by a load balancer."""
    grpc_port: Port = 9000
    """The port for gRPC, of the Service and of the pods."""
    http_port: Port = 8000
    """The port for HTTP, of the Service and of the pods."""
    max_connection_age_seconds: Annotated[int, Field(strict=True, ge=1, le=604800)] | None = None
    """After about so many seconds a gRPC client is asked to connect anew, and so meets new pods.
    Absent: a connection stays as long as the client keeps it. A change replaces the pods."""

    @model_validator(mode="after")
    def _check_ports(self) -> "Service":
        if self.grpc_port == self.http_port:
            raise ValueError(f"grpcPort and httpPort must differ; both are {self.grpc_port}")
        return self


_Quantities = Annotated[dict[str, Quantity], Field(max_length=16)]


class Resources(Strict):
    """The container's share of its node, in Kubernetes quantities."""

    rules: ClassVar = (
        Rule(
            "!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits)"
            " || quantity(string(self.requests[name]))"
            ".compareTo(quantity(string(self.limits[name]))) <= 0)",
            "expected requests of at most the limits",
            ".requests",
        ),
    )

    requests: _Quantities = Field(default={})
    """What the container is sure to get, such as cpu and memory."""
    limits: _Quantities = Field(default={})
    """What the container may use at most; the number of threads follows from the CPU limit."""

    @model_validator(mode="after")
    def _check_order(self) -> "Resources":
        for name, request in self.requests.items():
            limit = self.limits.get(name)
            if limit is not None and quantity.amount(request) > quantity.amount(limit):
                raise ValueError(
                    f"{name}: expected a request of at most the limit, {limit}; got {request}"
                )
        return self


_Word = Annotated[str, Field(max_length=1024)]


class Toleration(Strict):
    """As in a pod's spec."""

    key: Text | None = None
    """The taint's key. Absent: every taint."""
    operator: Text | None = None
    """Equal (the default) or Exists."""
    value: _Word | None = None
    """The taint's value."""
    effect: Text | None = None
    """NoSchedule, PreferNoSchedule or NoExecute. Absent: all of them."""
    toleration_seconds: NonNegative | None = None
    """How many seconds a taint of NoExecute is tolerated. Absent: for ever."""


class Pod(Strict):
    """What users may change of the pod; a change here rolls the Deployment."""

    image: Text | None = None
    """The server's image. Absent: the one the operator was given when the pods were made."""
    image_pull_secrets: Annotated[tuple[PullSecret, ...], Field(max_length=16), list_map("name")] = ()
    """Secrets with credentials for the registry of the image."""
    resources: Resources = Resources()
    """The container's share of its node."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=128), list_map("name")] = ()
    """Variables of the container's environment."""
    labels: PodLabels = Field(default={})
    """Labels of the pods beside Batchwright's own, which they may not replace."""
    annotations: PodAnnotations = Field(default={})
    """Annotations of the pods beside Batchwright's own, which they may not replace."""
    service_account_name: ObjectName | None = None
    """The ServiceAccount in the same namespace as which the pods run, for the rights that a cloud gives
    to it. Absent: one of their own, which has no rights. Its token is not mounted either way."""
    node_selector: Labels = Field(default={})
    """Labels that a node has to have."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=64), ATOMIC] = ()
    """Taints of nodes that the pods tolerate."""
    priority_class_name: Text | None = None
    """The pods' PriorityClass."""
    affinity: OpenObject | None = None
    """Where pods go and where not, as in a pod of Kubernetes (nodeAffinity, podAffinity,
    podAntiAffinity)."""
    topology_spread_constraints: Annotated[tuple[OpenObject, ...], Field(max_length=16), ATOMIC] = ()
    """How pods are spread, as in a pod of Kubernetes. Absent: over nodes as far as possible."""

    @field_validator("env")
    @classmethod
    def _check_env(cls, value: tuple[EnvVar, ...]) -> tuple[EnvVar, ...]:
        names = Counter(item.name for item in value)
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise ValueError(f"each variable once; given more than once: {', '.join(twice)}")
        taken = [name for name in OURS if name in names]
        if taken:
            raise ValueError(f"{', '.join(taken)} is set by Batchwright itself; use another name")
        return value
