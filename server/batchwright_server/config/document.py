"""The configuration document: OVMS's `config.json` plus the extensions `batching` and `admin`.

Keys and meaning as in OpenVINO Model Server's configuration page; an unknown key is an error with its
path.
"""

import json
from collections.abc import Iterator

from pydantic import ValidationError, field_validator

from batchwright_server.config.admin import Admin
from batchwright_server.config.frozen import Frozen
from batchwright_server.config.model import ModelConfig
from batchwright_server.config.monitoring import Monitoring
from batchwright_server.config.pipelines import PipelineConfig
from batchwright_server.config.problems import InvalidDocument, Problem, problems_of
from batchwright_server.config.refusals import CustomLoaders, CustomNodes, MediaPipe

__all__ = ["Document", "ModelConfig", "ModelEntry", "parse_document", "render_document"]


class ModelEntry(Frozen):
    """One element of `model_config_list`."""

    config: ModelConfig


class Document(Frozen):
    """A whole configuration."""

    model_config_list: tuple[ModelEntry, ...]
    pipeline_config_list: tuple[PipelineConfig, ...] = ()
    monitoring: Monitoring | None = None
    admin: Admin | None = None
    custom_node_library_config_list: CustomNodes = None
    custom_loader_config_list: CustomLoaders = None
    mediapipe_config_list: MediaPipe = None

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        """The models in the order they were written."""
        return tuple(entry.config for entry in self.model_config_list)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is accepted, but not as it is written."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[Problem]:
        for index, config in enumerate(self.models):
            for problem in config.warnings:
                yield Problem(f"model_config_list[{index}].config.{problem.path}", problem.message)
        for index, pipeline in enumerate(self.pipeline_config_list):
            for problem in pipeline.warnings:
                yield Problem(f"pipeline_config_list[{index}].{problem.path}", problem.message)
        if self.monitoring is not None:
            yield from (Problem("monitoring", warning) for warning in self.monitoring.warnings)

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
    except (ValueError, RecursionError) as error:
        raise InvalidDocument((Problem("", f"not valid JSON: {error}"),)) from error
    try:
        return Document.model_validate(raw)
    except ValidationError as error:
        raise InvalidDocument(problems_of(error)) from error


def render_document(document: Document) -> bytes:
    """The document as JSON, defaults left out, always the same bytes for the same document."""
    plain = document.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(plain, indent=2, sort_keys=True).encode() + b"\n"
