"""The ModelServer: models that are served together by the same pods."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, field_validator

from batchwright_operator.resources.labels import Labels
from batchwright_operator.resources.markers import NOT_EMPTY, list_map
from batchwright_operator.resources.metadata import Metadata, ObjectKey
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.origin import ModelCache
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_operator.resources.pod import Pod, Service
from batchwright_operator.resources.scaling import Autoscaling
from batchwright_operator.resources.security import Auth, NetworkPolicy, Tls
from batchwright_operator.resources.strict import Strict
from batchwright_server.config.flags import MOST_WORKERS

API_VERSION = "batchwright.dev/v1alpha1"
KIND = "ModelServer"


class UpdatePolicy(StrEnum):
    """When pods take the image and the pod template of a newer operator."""

    MANUAL = "Manual"
    WITH_OPERATOR = "WithOperator"


class Update(Strict):
    """How pods follow the operator's own release."""

    policy: UpdatePolicy = UpdatePolicy.MANUAL
    """Manual: when the pods change anyway. WithOperator: soon after the operator was upgraded."""


class Monitoring(Strict):
    """What collects the servers' metrics."""

    service_monitor: Annotated[bool, Field(strict=True)] = False
    """Whether a ServiceMonitor is made, for the Prometheus operator."""
    labels: Labels = Field(default={})
    """Labels of the ServiceMonitor, by which Prometheus selects it."""


class ModelServerSpec(Strict):
    """What the user wants."""

    replicas: Annotated[int, Field(strict=True, ge=0, le=1000)] = 1
    """The number of pods. With autoscaling, leave it out: the autoscaler writes it."""
    workers: Annotated[int, Field(strict=True, ge=1, le=MOST_WORKERS)] = 1
    """The number of processes in each pod that share its ports, processors and memory: for small models
    with thousands of requests a second. Each has the models' weights in memory. A change replaces the
    pods."""
    models: Annotated[tuple[Model, ...], Field(max_length=256), NOT_EMPTY, list_map("name")]
    """The models, each by a name of its own."""
    model_cache: ModelCache = ModelCache()
    """Where models by `uri` are fetched to."""
    service: Service = Service()
    """The ports clients use."""
    pod: Pod = Pod()
    """What may be changed of the pods; a change here replaces them one after the other."""
    network_policy: NetworkPolicy | None = None
    """Which clients reach the pods. Absent: no NetworkPolicy is made."""
    autoscaling: Autoscaling | None = None
    """How the number of pods follows the load. Absent: it is spec.replicas."""
    update: Update = Update()
    """When pods take the image and template of a newer operator."""
    tls: Tls | None = None
    """Certificates for the servers. Absent: no TLS."""
    auth: Auth | None = None
    """Tokens for clients. Absent: anybody who reaches the ports is served."""
    monitoring: Monitoring = Monitoring()
    """What collects the servers' metrics."""

    @field_validator("models")
    @classmethod
    def _check_names(cls, value: tuple[Model, ...]) -> tuple[Model, ...]:
        if not value:  # here and not as a length, which would also be missed when an item is refused
            raise ValueError("expected at least one model")
        names = [model.name for model in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each model needs a name of its own; given more than once: {twice}")
        return value

    @property
    def claims(self) -> tuple[str, ...]:
        """The persistent volumes that models are on, each once, in the order they are first named."""
        places = (model.source.pvc for model in self.models)
        return tuple(dict.fromkeys(place.claim_name for place in places if place is not None))


class ModelServer(Strict):
    """The whole object, as it is written."""

    api_version: Literal["batchwright.dev/v1alpha1"] = "batchwright.dev/v1alpha1"
    kind: Literal["ModelServer"] = "ModelServer"
    metadata: Metadata
    spec: ModelServerSpec
    status: object = None  # written by the controller; what a user writes here is not read
    _pipelines: tuple[Pipeline, ...] = PrivateAttr(default=())  # objects of their own: no field

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """The Pipelines over its models that are to be served, in the order of their served names."""
        return self._pipelines

    @property
    def key(self) -> ObjectKey:
        """The object's namespace and name."""
        return self.metadata.key

    @property
    def name(self) -> str:
        """The object's name."""
        return self.metadata.name

    def with_generation(self, generation: int) -> "ModelServer":
        """The same object as its `generation`-th edit."""
        metadata = self.metadata.model_copy(update={"generation": generation})
        return self.model_copy(update={"metadata": metadata})

    def with_pipelines(self, pipelines: tuple[Pipeline, ...]) -> "ModelServer":
        """The same object with these Pipelines over its models."""
        copy = self.model_copy()
        copy._pipelines = pipelines  # noqa: SLF001  a copy of our own
        return copy

    def with_ports(self, *, grpc_port: int, http_port: int) -> "ModelServer":
        """The same object at other ports."""
        ports = {"grpc_port": grpc_port, "http_port": http_port}
        service = self.spec.service.model_copy(update=ports)
        return self.model_copy(update={"spec": self.spec.model_copy(update={"service": service})})
