"""The configuration document: OVMS's `config.json` plus the `batching` extension.

Keys and meaning as in OpenVINO Model Server's configuration page; an unknown key is an error with its
path.
"""

import json
from typing import Annotated

from pydantic import (
    Field,
    NonNegativeInt,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from batchwright_server.config.batch_size import AutoBatch, DynamicBatch, FixedBatch, parse_batch_size
from batchwright_server.config.batching import Batching, Dynamic, Fixed
from batchwright_server.config.frozen import Frozen
from batchwright_server.config.plan import Strategy
from batchwright_server.config.problems import InvalidDocument, Problem, problems_of
from batchwright_server.config.version_policy import DEFAULT_POLICY, VersionPolicy, VersionPolicyBlock

ModelName = Annotated[str, Field(min_length=1, max_length=253)]


class ModelConfig(Frozen):
    """One model: where it is and how it is served."""

    name: ModelName
    base_path: Annotated[str, Field(min_length=1)]
    batch_size: StrictInt | StrictStr | None = None
    nireq: NonNegativeInt = 0  # 0: OpenVINO's optimum
    target_device: str = "CPU"
    plugin_config: dict[str, str | bool | int | float] = Field(default={})
    model_version_policy: VersionPolicyBlock = DEFAULT_POLICY
    batching: Batching | None = None

    @field_validator("batch_size")
    @classmethod
    def _check_batch_size(cls, value: int | str | None) -> int | str | None:
        if value is not None:
            parse_batch_size(value)
        return value

    @model_validator(mode="after")
    def _check_one_rule(self) -> "ModelConfig":
        if self.batch_size is not None and self.batching is not None:
            raise ValueError("batch_size and batching both say how to batch; keep one of them")
        return self

    @property
    def version_policy(self) -> VersionPolicy:
        """Which versions are served."""
        return self.model_version_policy.policy

    @property
    def effective_batching(self) -> Batching:
        """The `batching` block, or what `batch_size` alone means; neither: the model's own size."""
        if self.batching is not None:
            return self.batching
        return _batching_of(self.batch_size)


class ModelEntry(Frozen):
    """One element of `model_config_list`."""

    config: ModelConfig


class Document(Frozen):
    """A whole configuration."""

    model_config_list: tuple[ModelEntry, ...]

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        """The models in the order they were written."""
        return tuple(entry.config for entry in self.model_config_list)

    @field_validator("model_config_list")
    @classmethod
    def _check_names(cls, value: tuple[ModelEntry, ...]) -> tuple[ModelEntry, ...]:
        names = [entry.config.name for entry in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"each model needs a name of its own; given more than once: {twice}")
        return value


def parse_document(text: bytes) -> Document:
    """The document in a JSON text. Raises InvalidDocument with every problem found."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise InvalidDocument((Problem("", f"not valid JSON: {error}"),)) from error
    try:
        return Document.model_validate(raw)
    except ValidationError as error:
        raise InvalidDocument(problems_of(error)) from error


def render_document(document: Document) -> bytes:
    """The document as JSON, defaults left out, always the same bytes for the same document."""
    plain = document.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(plain, indent=2, sort_keys=True).encode() + b"\n"


def _batching_of(batch_size: int | str | None) -> Batching:
    if batch_size is None:
        return Batching(strategy=Strategy.FIXED)
    match parse_batch_size(batch_size):
        case FixedBatch(size):
            return Batching(strategy=Strategy.FIXED, fixed=Fixed(batch_size=size))
        case AutoBatch():
            return Batching(strategy=Strategy.RELOAD)
        case DynamicBatch(least, most):
            return Batching(strategy=Strategy.DYNAMIC, dynamic=Dynamic(min=least, max=most))
