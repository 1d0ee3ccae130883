"""Metadata and status as TensorFlow Serving's messages."""

from collections.abc import Iterable, MutableMapping

import grpc

from batchwright_server.api import tensor_proto
from batchwright_server.protos import model_service_pb2, prediction_service_pb2, tensor_pb2
from batchwright_server.runtime.dataplane import Description, TensorDescription, VersionStatus

METADATA_FIELD = "signature_def"
SIGNATURE = "serving_default"


def to_model_spec(model: str, version: int) -> prediction_service_pb2.ModelSpec:
    """Which version of which model answered."""
    spec = prediction_service_pb2.ModelSpec(name=model)
    spec.version.value = version
    return spec


def to_metadata(description: Description) -> prediction_service_pb2.GetModelMetadataResponse:
    """A description as the `signature_def` metadata field."""
    signatures = prediction_service_pb2.SignatureDefMap()
    signature = signatures.signature_def[SIGNATURE]
    _fill(signature.inputs, description.inputs)
    _fill(signature.outputs, description.outputs)
    response = prediction_service_pb2.GetModelMetadataResponse(
        model_spec=to_model_spec(description.model, description.version)
    )
    response.metadata[METADATA_FIELD].Pack(signatures)
    return response


def to_status(versions: Iterable[VersionStatus]) -> model_service_pb2.GetModelStatusResponse:
    """The versions' states; a failed one has code UNKNOWN and the reason."""
    return model_service_pb2.GetModelStatusResponse(
        model_version_status=[_version_status(version) for version in versions]
    )


def _version_status(version: VersionStatus) -> model_service_pb2.ModelVersionStatus:
    code = grpc.StatusCode[version.code]
    status = model_service_pb2.StatusProto(
        error_code=code.value[0], error_message=version.error or code.name
    )
    return model_service_pb2.ModelVersionStatus(
        version=version.version, state=version.state.name, status=status
    )


def _fill(
    infos: MutableMapping[str, tensor_pb2.TensorInfo], tensors: Iterable[TensorDescription]
) -> None:
    for tensor in tensors:
        info = infos[tensor.spec.name]
        info.name = tensor.spec.name
        info.dtype = tensor_proto.to_enum(tensor.spec.dtype)
        info.tensor_shape.CopyFrom(tensor_proto.shape_to_proto(tensor.shape))
