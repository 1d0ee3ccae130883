"""An object's name and what Kubernetes keeps beside it."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from batchwright_operator.resources.labels import Annotations, Labels
from batchwright_operator.resources.strict import NonNegative, Strict

# A Service's name is a DNS-1035 label; 48 leaves room for the suffixes of what is rendered.
LONGEST_NAME = 48
Name = Annotated[str, Field(max_length=LONGEST_NAME, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
Namespace = Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]


@dataclass(frozen=True, order=True)
class ObjectKey:
    """The name by which one object is told from all others of its kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Metadata(Strict):
    """The part of ObjectMeta that is read here, and the keys that `kubectl get -o yaml` adds."""

    name: Name
    namespace: Namespace = "default"
    labels: Labels = Field(default={})
    annotations: Annotations = Field(default={})
    uid: str = ""
    generation: NonNegative = 1
    resource_version: str = ""
    creation_timestamp: object = None
    deletion_timestamp: object = None
    deletion_grace_period_seconds: object = None
    finalizers: object = None
    generate_name: object = None
    managed_fields: object = None
    owner_references: object = None
    self_link: object = None

    @property
    def key(self) -> ObjectKey:
        """The object's namespace and name."""
        return ObjectKey(self.namespace, self.name)
