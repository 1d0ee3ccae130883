"""TensorFlow Serving's metadata and status as JSON.

Metadata is in the spelling of protobuf's JSON (`modelSpec`), as OpenVINO Model Server writes it and its
client reads it. What parses proto's JSON reads it too; of a document with both spellings it reads none.
"""

from collections.abc import Iterable, Mapping

from google.protobuf import json_format

from batchwright_server.api import model_messages
from batchwright_server.api.json_fields import Json
from batchwright_server.runtime.dataplane import Description, VersionStatus


def describe_metadata(description: Description) -> Json:
    """The body of `GET …/metadata`; 64-bit numbers are strings, as proto's JSON has them."""
    message = model_messages.to_metadata(description)
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def describe_status(versions: Iterable[VersionStatus]) -> Json:
    """The body of `GET /v1/models/…`."""
    return {"model_version_status": [_describe_version(version) for version in versions]}


def describe_all(models: Mapping[str, Iterable[VersionStatus]]) -> Json:
    """The body of `GET /v1/config`."""
    return {name: describe_status(versions) for name, versions in models.items()}


def _describe_version(version: VersionStatus) -> Json:
    return {
        "version": str(version.version),
        "state": version.state.name,
        "status": {"error_code": version.code, "error_message": version.error or version.code},
    }
