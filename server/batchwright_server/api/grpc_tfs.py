"""TensorFlow Serving's gRPC services: PredictionService and ModelService."""

import asyncio
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from batchwright_server.api import (
    deadlines,
    limits,
    model_messages,
    predict_wire,
    reload_request,
    tensor_proto,
)
from batchwright_server.api.backend import Backend
from batchwright_server.api.byte_inputs import ByteInputs
from batchwright_server.config.problems import InvalidDocument
from batchwright_server.core.tensors import Tensor
from batchwright_server.errors import AdminPortOnly, ConfigurationRejected, InvalidInput
from batchwright_server.protos import (
    model_management_pb2,
    model_service_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2,
)
from batchwright_server.runtime.dataplane import DataPlane, PredictCall, Protocol

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class PredictionServicer:
    """Predict and GetModelMetadata; the other calls of the service are unimplemented.

    Predict takes and gives messages as they are on the wire.
    """

    def __init__(self, dataplane: DataPlane) -> None:
        self._dataplane = dataplane
        self._writer = predict_wire.ResponseWriter()

    def handlers(self) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
        """Each method with how its messages are read and written."""
        return {
            "Predict": grpc.unary_unary_rpc_method_handler(self.Predict),
            "GetModelMetadata": grpc.unary_unary_rpc_method_handler(
                self.GetModelMetadata,
                prediction_service_pb2.GetModelMetadataRequest.FromString,
                prediction_service_pb2.GetModelMetadataResponse.SerializeToString,
            ),
        }

    async def Predict(self, message: bytes, context: _Context) -> bytes:  # noqa: N802  the wire's name
        """The model's outputs for the request's inputs."""
        deadline = deadlines.of_call(context)
        plain = predict_wire.read_request(message)
        call = await self._read(message, deadline) if plain is None else _plain_call(plain, deadline)
        prediction = await self._dataplane.predict(call)
        return self._writer.write(prediction.model, prediction.version, prediction.outputs)

    async def _read(self, message: bytes, deadline: float) -> PredictCall:
        try:
            request = prediction_service_pb2.PredictRequest.FromString(message)
        except DecodeError as error:
            raise InvalidInput("message", "a PredictRequest", "other bytes") from error
        return _to_call(request, await self._read_inputs(request), deadline)

    async def _read_inputs(self, request: prediction_service_pb2.PredictRequest) -> dict[str, Tensor]:
        limits.check_count("inputs", request.inputs)
        if not any(map(tensor_proto.is_text, request.inputs.values())):
            return _read(request, None)
        spec = request.model_spec
        inputs = ByteInputs(self._dataplane.describe(_name(spec), _version(spec)))
        return await asyncio.to_thread(_read, request, inputs)

    async def GetModelMetadata(  # noqa: N802  the wire's name
        self, request: prediction_service_pb2.GetModelMetadataRequest, _context: _Context
    ) -> prediction_service_pb2.GetModelMetadataResponse:
        """The model's inputs and outputs."""
        if list(request.metadata_field) != [model_messages.METADATA_FIELD]:
            fields = str(list(request.metadata_field))
            raise InvalidInput("metadata_field", f"exactly ['{model_messages.METADATA_FIELD}']", fields)
        spec = request.model_spec
        return model_messages.to_metadata(self._dataplane.describe(_name(spec), _version(spec)))


class ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    def __init__(self, backend: Backend) -> None:
        self._dataplane = backend.dataplane
        self._configuration = backend.configuration
        self._has_admin_port = backend.has_admin_port

    async def GetModelStatus(  # noqa: N802  the wire's name
        self, request: model_service_pb2.GetModelStatusRequest, _context: _Context
    ) -> model_service_pb2.GetModelStatusResponse:
        """The state of each version of the model."""
        spec = request.model_spec
        return model_messages.to_status(self._dataplane.report_status(_name(spec), _version(spec)))

    async def HandleReloadConfigRequest(  # noqa: N802  the wire's name
        self, request: model_management_pb2.ReloadConfigRequest, _context: _Context
    ) -> model_service_pb2.ReloadConfigResponse:
        """Takes the models of the request into service instead of those that are, all or nothing."""
        if self._has_admin_port or self._configuration.document.admin is not None:
            raise AdminPortOnly("HandleReloadConfigRequest")
        try:
            wanted = reload_request.to_document(request, self._configuration.document)
            # A client that goes away leaves no half of a configuration.
            await asyncio.shield(self._configuration.replace(wanted))
        except InvalidDocument as error:
            raise ConfigurationRejected(str(error)) from error
        return model_service_pb2.ReloadConfigResponse(status=model_service_pb2.StatusProto(error_code=0))


def _read(
    request: prediction_service_pb2.PredictRequest, bytes_of: ByteInputs | None
) -> dict[str, Tensor]:
    return {
        name: bytes_of.read(name, proto.string_val, ())
        if bytes_of and tensor_proto.is_text(proto) and not bytes_of.takes_text(name)
        else tensor_proto.from_proto(name, proto)
        for name, proto in request.inputs.items()
    }


def _to_call(
    request: prediction_service_pb2.PredictRequest, inputs: dict[str, Tensor], deadline: float
) -> PredictCall:
    spec = request.model_spec
    return PredictCall(
        protocol=Protocol.TFS_GRPC,
        model=_name(spec),
        version=_version(spec),
        inputs=inputs,
        output_filter=tuple(request.output_filter),
        deadline=deadline,
    )


def _plain_call(request: predict_wire.PlainRequest, deadline: float) -> PredictCall:
    limits.check_count("inputs", request.inputs)
    return PredictCall(
        protocol=Protocol.TFS_GRPC,
        model=request.model,
        version=request.version,
        inputs=request.inputs,
        output_filter=request.output_filter,
        deadline=deadline,
    )


def _name(spec: prediction_service_pb2.ModelSpec) -> str:
    if not spec.name:
        raise InvalidInput("model_spec.name", "the name of a model", "nothing")
    return spec.name


def _version(spec: prediction_service_pb2.ModelSpec) -> int:
    """The version asked for; 0 where the server is to choose."""
    if spec.WhichOneof("version_choice") == "version_label":
        raise InvalidInput(
            "model_spec.version_label", "a version number (labels are not served)", "a label"
        )
    return spec.version.value
