"""Where model files are fetched from, by what rights, and where the pods keep them."""

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from batchwright_operator.resources import quantity
from batchwright_operator.resources.markers import Rule
from batchwright_operator.resources.quantity import Quantity
from batchwright_operator.resources.references import ConfigMapKey, ObjectName
from batchwright_operator.resources.strict import Strict, Text
from batchwright_server.config import origins

_SMALLEST = "1Mi"
_URL_GRAMMAR = r"^https?://[^/?#@\s]+(/[a-z0-9]{3,24})?/?$"  # Azure's may end with the account
_URL = Rule(
    "self.matches('" + _URL_GRAMMAR.replace("\\", "\\\\") + "')",
    "expected http://host:port or https://host, az with /account where the host is not its own",
)


def _check_uri(value: str) -> str:
    origins.parse_origin(value)
    return value


def _check_url(value: str) -> str:
    if not re.search(_URL_GRAMMAR, value):
        raise ValueError(_URL.message)
    return value


def _matches(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\")
    return f"self.matches('{escaped}')"


Uri = Annotated[
    str,
    Field(min_length=1, max_length=2048),
    AfterValidator(_check_uri),
    Rule(_matches(origins.GRAMMAR), origins.EXPECTED),
    Rule(f"!{_matches(origins.LEADS_OUT)}", origins.EXPECTED_INSIDE),
    Rule(_matches(origins.NAMES_A_FILE), origins.EXPECTED_FILE),
]


class Access(Strict):
    """How a store is spoken to, where it is not the cloud's own or not open to anybody."""

    rules: ClassVar = (
        Rule(
            "!has(self.credentialsSecretName) || !has(self.anonymous) || !self.anonymous",
            "expected either credentialsSecretName or anonymous, not both",
        ),
    )

    credentials_secret_name: ObjectName | None = None
    """A Secret in the same namespace whose keys are variables: AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY; GOOGLE_SERVICE_ACCOUNT_KEY (the key's JSON); AZURE_STORAGE_ACCOUNT_NAME and
    AZURE_STORAGE_ACCOUNT_KEY; HTTPS_AUTHORIZATION (a header's value)."""
    anonymous: Annotated[bool, Field(strict=True)] = False
    """Whether it is asked without credentials."""
    endpoint: Annotated[Text, AfterValidator(_check_url), _URL] | None = None
    """The URL of a store that is not the cloud's own (s3, gs, az and abfs)."""
    region: Annotated[Text, Field(max_length=64)] | None = None
    """The bucket's region (s3)."""
    ca_config_map: ConfigMapKey | None = None
    """Where the certificate authority (PEM) is that signed the server's certificate. Absent: one that
    is trusted everywhere."""

    @model_validator(mode="after")
    def _check_one(self) -> "Access":
        if self.anonymous and self.credentials_secret_name is not None:
            raise ValueError(self.rules[0].message)
        return self


class ModelCache(Strict):
    """The volume that models by `uri` are fetched onto; there is none without such models."""

    rules: ClassVar = (
        Rule(
            "!has(self.sizeLimit) || "
            f"quantity(string(self.sizeLimit)).compareTo(quantity('{_SMALLEST}')) >= 0",
            f"expected at least {_SMALLEST}",
            ".sizeLimit",
        ),
    )

    size_limit: Quantity | None = None
    """How much is fetched at most. Absent: 10Gi, or what the claim holds."""
    claim_name: ObjectName | None = None
    """A PersistentVolumeClaim in the same namespace, so that files outlive a pod. Absent: a directory
    of the node that goes with the pod."""

    @model_validator(mode="after")
    def _check_size(self) -> "ModelCache":
        if self.size_limit and quantity.amount(self.size_limit) < quantity.amount(_SMALLEST):
            raise ValueError(f"sizeLimit: {self.rules[0].message}, got {self.size_limit}")
        return self
