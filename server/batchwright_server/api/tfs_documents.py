"""TensorFlow Serving's metadata and status as JSON.

TensorFlow Serving writes metadata with its proto's own names (`model_spec`), OpenVINO Model Server with
JSON's (`modelSpec`): the document has both, so that the clients of either find what they read.
"""

from collections.abc import Iterable

from google.protobuf import json_format

from batchwright_server.api import model_messages
from batchwright_server.api.json_fields import Json
from batchwright_server.runtime.dataplane import Description, VersionStatus


def describe_metadata(description: Description) -> Json:
    """The body of `GET …/metadata`; 64-bit numbers are strings, as proto's JSON has them."""
    message = model_messages.to_metadata(description)
    snake, camel = (
        json_format.MessageToDict(
            message, preserving_proto_field_name=own_names, always_print_fields_with_no_presence=True
        )
        for own_names in (True, False)
    )
    field = model_messages.METADATA_FIELD
    both = snake["metadata"][field] | camel["metadata"][field]
    return snake | camel | {"metadata": {field: both}}


def describe_status(versions: Iterable[VersionStatus]) -> Json:
    """The body of `GET /v1/models/…`."""
    return {"model_version_status": [_describe_version(version) for version in versions]}


def _describe_version(version: VersionStatus) -> Json:
    return {
        "version": str(version.version),
        "state": version.state.name,
        "status": {"error_code": version.code, "error_message": version.error or version.code},
    }
