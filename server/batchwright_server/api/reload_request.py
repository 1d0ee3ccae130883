"""TensorFlow Serving's ReloadConfigRequest as a configuration document."""

from typing import Any

from pydantic import ValidationError

from batchwright_server.config.document import Document
from batchwright_server.config.problems import InvalidDocument, problems_of
from batchwright_server.errors import InvalidInput
from batchwright_server.protos import model_management_pb2

_FIELD = "config.model_config_list"


def to_document(request: model_management_pb2.ReloadConfigRequest, current: Document) -> Document:
    """`current` with the models of the request instead of its own.

    A model that `current` has keeps what the request cannot say (its batching, its device); the platform
    means nothing here. Raises InvalidInput or InvalidDocument.
    """
    if request.config.WhichOneof("config") != "model_config_list":
        raise InvalidInput("config", "model_config_list", "another kind of configuration, or none")
    known = {model.name: model.model_dump(exclude_unset=True) for model in current.models}
    models = request.config.model_config_list.config
    entries = [
        {"config": known.get(model.name, {}) | _settings(index, model)}
        for index, model in enumerate(models)
    ]
    try:
        return Document.model_validate(
            current.model_dump(exclude_unset=True) | {"model_config_list": entries}
        )
    except ValidationError as error:
        raise InvalidDocument(problems_of(error)) from error


def _settings(index: int, model: model_management_pb2.ModelConfig) -> dict[str, Any]:
    if model.version_labels:
        place = f"{_FIELD}[{index}].version_labels"
        raise InvalidInput(place, "none (labels are not served)", "some")
    return {
        "name": model.name,
        "base_path": model.base_path,
        "model_version_policy": _policy(model.model_version_policy),
    }


def _policy(
    policy: model_management_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy,
) -> dict[str, Any]:
    match policy.WhichOneof("policy_choice"):
        case "all":
            return {"all": {}}
        case "specific":
            return {"specific": {"versions": list(policy.specific.versions)}}
        case _:
            return {"latest": {"num_versions": policy.latest.num_versions or 1}}
