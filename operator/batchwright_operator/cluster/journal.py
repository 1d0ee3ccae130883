"""An object's status and events as files, in place of the API server's."""

import json
import os
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.resources import modelserver, pipeline
from batchwright_operator.resources.metadata import ObjectKey
from batchwright_operator.resources.modelserver import API_VERSION
from batchwright_operator.resources.status import ModelServerStatus, PipelineStatus

_Status = TypeVar("_Status", ModelServerStatus, PipelineStatus)


def load_status(path: Path) -> ModelServerStatus | None:
    """The status in a file; None if there is none that can be read."""
    return _load(path, ModelServerStatus)


def load_pipeline_status(path: Path) -> PipelineStatus | None:
    """The same of a Pipeline."""
    return _load(path, PipelineStatus)


def apply_status(path: Path, key: ObjectKey, status: ModelServerStatus) -> None:
    """Write the object with its status; a reader sees the old one or the new one, never a part."""
    _write(path, modelserver.KIND, key, status)


def apply_pipeline_status(path: Path, key: ObjectKey, status: PipelineStatus | None) -> None:
    """Write a Pipeline with its status in the same way; without one, remove the file."""
    if status is None:
        path.unlink(missing_ok=True)
    else:
        _write(path, pipeline.KIND, key, status)


def _load(path: Path, model: type[_Status]) -> _Status | None:
    try:
        return model.model_validate(json.loads(path.read_bytes())["status"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def _write(path: Path, kind: str, key: ObjectKey, status: ModelServerStatus | PipelineStatus) -> None:
    staged = path.with_suffix(".staged")
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": key.name, "namespace": key.namespace},
        "status": status.model_dump(mode="json", by_alias=True),
    }
    staged.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    os.replace(staged, path)


def append_event(path: Path, event: Event) -> None:
    """Add one line to the file of events."""
    line = {
        "at": event.at,
        "type": event.type.value,
        "reason": event.reason,
        "message": event.message,
        "model": event.model,
        "pipeline": event.pipeline,
        "from": event.from_plan,
        "to": event.to_plan,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
