"""The CustomResourceDefinitions of ModelServer and Pipeline."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from batchwright_operator.resources import markers, metadata, modelserver, pipeline
from batchwright_operator.resources.markers import Rule
from batchwright_operator.resources.schema import structural
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus

GROUP, VERSION = modelserver.API_VERSION.split("/")
_READY = '.status.conditions[?(@.type=="Ready")]'
_ACCEPTED = '.status.conditions[?(@.type=="Accepted")]'
_NAME = Rule(
    f"size(self.metadata.name) <= {metadata.LONGEST_NAME}"
    " && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    f"expected a name of at most {metadata.LONGEST_NAME} lower-case letters, digits and '-', beginning "
    "with a letter and ending with a letter or digit",
)


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; those of priority 1 are shown by `-o wide`."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""

    def to_schema(self) -> dict[str, Any]:
        """The column as a CustomResourceDefinition has it."""
        found = {"name": self.name, "type": self.type, "jsonPath": self.path}
        extra = {"priority": self.priority, "description": self.description}
        return found | {key: value for key, value in extra.items() if value}


@dataclass(frozen=True)
class Kind:
    """A kind of object: its names, what it is made of, and how a list of it is shown."""

    kind: str
    short_name: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]
    is_scalable: bool = False

    @property
    def plural(self) -> str:
        """The name in addresses."""
        return f"{self.kind.lower()}s"


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_REASON = Column("Reason", f"{_READY}.reason", priority=1, description="Why it is ready or not.")
_MESSAGE = Column("Message", f"{_READY}.message", priority=1, description="The same as a sentence.")

KINDS = (
    Kind(
        kind=modelserver.KIND,
        short_name="bms",
        description="Models that are served together by the same pods, each by the batching strategy "
        "that costs least for its traffic.",
        spec=modelserver.ModelServerSpec,
        status=ModelServerStatus,
        columns=(
            Column("Ready", f"{_READY}.status", description="Whether all of it is served."),
            Column("Models", ".status.summary.models", description="Models that are served, of all."),
            Column("Strategy", ".status.summary.strategies", description="How batches are taken."),
            Column("Replicas", ".status.replicas", "integer", description="Pods that there are."),
            Column("Ready-Replicas", ".status.readyReplicas", "integer", 1, "Pods that serve."),
            _REASON,
            _MESSAGE,
            _AGE,
        ),
        is_scalable=True,
    ),
    Kind(
        kind=pipeline.KIND,
        short_name="bpl",
        description="A graph over the models of a ModelServer, which clients ask for like one model.",
        spec=pipeline.PipelineSpec,
        status=PipelineStatus,
        columns=(
            Column("Accepted", f"{_ACCEPTED}.status", description="Whether its nodes fit together."),
            Column("Ready", f"{_READY}.status", description="Whether it is served."),
            Column("ModelServer", ".spec.modelServerRef.name", description="Whose models it uses."),
            Column(
                "Reason", f"{_ACCEPTED}.reason", priority=1, description="Why it is accepted or not."
            ),
            Column("Message", f"{_ACCEPTED}.message", priority=1, description="The same as a sentence."),
            _AGE,
        ),
    ),
)


def render_definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short_name],
                "categories": ["batchwright"],
            },
            "scope": "Namespaced",
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}} | ({"scale": scale} if kind.is_scalable else {}),
        "additionalPrinterColumns": [column.to_schema() for column in kind.columns],
        "schema": {"openAPIV3Schema": render_schema(kind)},
    }


def render_schema(kind: Kind) -> dict[str, Any]:
    """The structural schema of a whole object."""
    spec = structural.to_structural(kind.spec.model_json_schema(by_alias=True))
    status = structural.to_structural(
        kind.status.model_json_schema(by_alias=True, mode="serialization"), with_defaults=False
    )
    status.pop("required", None)  # what is computed would have to be there
    return {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        markers.RULES: markers.to_schema([_NAME]),
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": f"The API and its version: {GROUP}/{VERSION}.",
            },
            "kind": {"type": "string", "description": f"The kind of object: {kind.kind}."},
            "metadata": {"type": "object"},
            "spec": {**spec, "description": "What is wanted."},
            "status": {**status, "description": "What was found and decided; written by the operator."},
        },
    }
