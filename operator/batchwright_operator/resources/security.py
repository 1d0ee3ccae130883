"""Who may speak to the servers, and how: certificates, tokens, network policy."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from batchwright_operator.resources.labels import Labels
from batchwright_operator.resources.markers import ATOMIC, Rule
from batchwright_operator.resources.references import ConfigMapKey, DataKey, ObjectName
from batchwright_operator.resources.strict import Strict, Text


class Tls(Strict):
    """Certificates of the servers; with them, every port speaks TLS."""

    secret_name: ObjectName
    """A Secret of type kubernetes.io/tls in the same namespace, with the certificate and its key.
    Renewed certificates are taken up by running servers."""
    ca_config_map: ConfigMapKey | None = None
    """Where the certificate authority is published (PEM) by which the operator verifies the servers.
    Absent: the operator's own trusted authorities."""
    client_ca_config_map: ConfigMapKey | None = None
    """The authority (PEM) that signs clients' certificates. Absent: clients need none."""


class Auth(Strict):
    """Tokens without which clients are refused."""

    secret_name: ObjectName
    """A Secret in the same namespace with the tokens, one in each line."""
    key: DataKey = "token"
    """The Secret's key with the tokens."""


class SelectorOperator(StrEnum):
    """How a label's value relates to the given values."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class LabelRequirement(Strict):
    """One condition on labels, as in Kubernetes."""

    key: Text
    """The label's key."""
    operator: SelectorOperator
    """How the label's value relates to `values`."""
    values: Annotated[
        tuple[Annotated[str, Field(max_length=63)], ...], Field(max_length=64), ATOMIC
    ] = ()
    """The values; none for Exists and DoesNotExist."""


class LabelSelector(Strict):
    """Objects by their labels, as in Kubernetes; empty, it selects every object."""

    match_labels: Labels = Field(default={})
    """Labels that an object has to have."""
    match_expressions: Annotated[tuple[LabelRequirement, ...], Field(max_length=16), ATOMIC] = ()
    """Further conditions on the object's labels."""


class IpBlock(Strict):
    """A range of addresses."""

    cidr: Annotated[str, Field(max_length=64)]
    """The range, such as 10.0.0.0/8."""
    except_: Annotated[
        tuple[Annotated[str, Field(max_length=64)], ...], Field(alias="except", max_length=64), ATOMIC
    ] = ()
    """Ranges inside of it that are left out."""


class NetworkPolicyPeer(Strict):
    """Clients by their namespace and pod, or by their address, as in a Kubernetes NetworkPolicy."""

    rules: ClassVar = (
        Rule(
            "has(self.ipBlock) != (has(self.namespaceSelector) || has(self.podSelector))",
            "expected either ipBlock, or namespaceSelector, podSelector or both",
        ),
    )

    namespace_selector: LabelSelector | None = None
    """The clients' namespaces. Absent: the ModelServer's own, if podSelector is given."""
    pod_selector: LabelSelector | None = None
    """The clients' pods. Absent: all pods of the selected namespaces."""
    ip_block: IpBlock | None = None
    """The clients' addresses; excludes the selectors."""

    @model_validator(mode="after")
    def _check_one(self) -> "NetworkPolicyPeer":
        selects = self.namespace_selector is not None or self.pod_selector is not None
        if selects == (self.ip_block is not None):
            raise ValueError(self.rules[0].message)
        return self


class NetworkPolicy(Strict):
    """A NetworkPolicy for the pods: the operator reaches their admin port, clients as said here."""

    from_: Annotated[tuple[NetworkPolicyPeer, ...], Field(alias="from", max_length=64), ATOMIC] = ()
    """Which clients reach the ports for requests. Empty or absent: any."""
