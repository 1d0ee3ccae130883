"""KServe v2's gRPC service, with the extensions that load generators call."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message

from batchwright_server import errors
from batchwright_server.api import deadlines, kserve_documents, kserve_tensors
from batchwright_server.api.backend import Backend
from batchwright_server.api.byte_inputs import ByteInputs
from batchwright_server.api.json_fields import Json
from batchwright_server.api.kserve_versions import parse_version
from batchwright_server.api.ordered_answers import ordered_answers
from batchwright_server.core.tensors import Tensor
from batchwright_server.protos import grpc_predict_v2_pb2 as messages
from batchwright_server.protos import grpc_predict_v2_pb2_grpc
from batchwright_server.runtime.dataplane import PredictCall, Prediction, Protocol, VersionStatus
from batchwright_server.runtime.servable import State

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Message = TypeVar("_Message", bound=Message)


class InferenceServicer(grpc_predict_v2_pb2_grpc.GRPCInferenceServiceServicer):
    """GRPCInferenceService; what is not here (shared memory, traces, logs) is unimplemented."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._dataplane = backend.dataplane
        self._ending = asyncio.Event()

    async def ServerLive(  # noqa: N802  the wire's name
        self, _request: messages.ServerLiveRequest, _context: _Context
    ) -> messages.ServerLiveResponse:
        """True: it answers."""
        return messages.ServerLiveResponse(live=True)

    async def ServerReady(  # noqa: N802  the wire's name
        self, _request: messages.ServerReadyRequest, _context: _Context
    ) -> messages.ServerReadyResponse:
        """Whether requests are welcome."""
        return messages.ServerReadyResponse(ready=self._backend.is_ready())

    async def ModelReady(  # noqa: N802  the wire's name
        self, request: messages.ModelReadyRequest, _context: _Context
    ) -> messages.ModelReadyResponse:
        """Whether the version, or any, serves."""
        versions = self._dataplane.report_status(_name(request.name), parse_version(request.version))
        return messages.ModelReadyResponse(ready=is_any_available(versions))

    async def ServerMetadata(  # noqa: N802  the wire's name
        self, _request: messages.ServerMetadataRequest, _context: _Context
    ) -> messages.ServerMetadataResponse:
        """The server's name, version and extensions."""
        return _fill(messages.ServerMetadataResponse(), kserve_documents.describe_server())

    async def ModelMetadata(  # noqa: N802  the wire's name
        self, request: messages.ModelMetadataRequest, _context: _Context
    ) -> messages.ModelMetadataResponse:
        """The model's inputs and outputs."""
        description = self._dataplane.describe(_name(request.name), parse_version(request.version))
        versions = self._dataplane.report_status(request.name)
        document = kserve_documents.describe_model(description, versions)
        return _fill(messages.ModelMetadataResponse(), document)

    async def ModelInfer(  # noqa: N802  the wire's name
        self, request: messages.ModelInferRequest, context: _Context
    ) -> messages.ModelInferResponse:
        """The model's outputs for the request's inputs."""
        return await self._infer(request, deadlines.of_call(context))

    async def ModelStreamInfer(  # noqa: N802  the wire's name
        self, requests: AsyncIterator[messages.ModelInferRequest], context: _Context
    ) -> AsyncIterator[messages.ModelStreamInferResponse]:
        """An answer for each request, in their order; one that fails says so and ends nothing."""
        deadline = deadlines.of_call(context)

        async def answer(request: messages.ModelInferRequest) -> messages.ModelStreamInferResponse:
            try:
                response = await self._infer(request, deadline)
            except errors.ServerError as error:
                failed = messages.ModelInferResponse(model_name=request.model_name, id=request.id)
                return messages.ModelStreamInferResponse(error_message=str(error), infer_response=failed)
            return messages.ModelStreamInferResponse(infer_response=response)

        # Closed here, so that what runs for a client that went away ends with its call.
        async with contextlib.aclosing(ordered_answers(requests, answer, self._ending)) as answers:
            async for each in answers:
                yield each

    def end(self) -> None:
        """Let streams end once what they were asked is answered."""
        self._ending.set()

    async def _infer(
        self, request: messages.ModelInferRequest, deadline: float
    ) -> messages.ModelInferResponse:
        inputs = await self._read_inputs(request)
        prediction = await self._dataplane.predict(_to_call(request, inputs, deadline))
        return _to_response(prediction, request.id)

    async def _read_inputs(self, request: messages.ModelInferRequest) -> dict[str, Tensor]:
        if not kserve_tensors.has_bytes(request):
            return kserve_tensors.from_request(request)
        name, version = _name(request.model_name), parse_version(request.model_version)
        bytes_of = ByteInputs(self._dataplane.describe(name, version))
        return await asyncio.to_thread(kserve_tensors.from_request, request, bytes_of)

    async def ModelConfig(  # noqa: N802  the wire's name
        self, request: messages.ModelConfigRequest, _context: _Context
    ) -> messages.ModelConfigResponse:
        """The model's largest batch size, inputs and outputs."""
        description = self._dataplane.describe(_name(request.name), parse_version(request.version))
        config = _fill(messages.ModelConfig(), kserve_documents.describe_config(description))
        return messages.ModelConfigResponse(config=config)

    async def ModelStatistics(  # noqa: N802  the wire's name
        self, request: messages.ModelStatisticsRequest, _context: _Context
    ) -> messages.ModelStatisticsResponse:
        """What the model, or every model, did since the process started."""
        found = self._backend.statistics.collect(request.name, parse_version(request.version))
        return _fill(messages.ModelStatisticsResponse(), kserve_documents.describe_statistics(found))

    async def RepositoryIndex(  # noqa: N802  the wire's name
        self, request: messages.RepositoryIndexRequest, _context: _Context
    ) -> messages.RepositoryIndexResponse:
        """Every version of every model."""
        models = self._dataplane.report_all()
        index = kserve_documents.describe_index(models, ready_only=request.ready)
        return _fill(messages.RepositoryIndexResponse(), {"models": index})

    async def RepositoryModelLoad(  # noqa: N802  the wire's name
        self, _request: messages.RepositoryModelLoadRequest, _context: _Context
    ) -> messages.RepositoryModelLoadResponse:
        """Refused: what serves is for the configuration to say."""
        raise errors.ManagedByConfiguration("loading a model")

    async def RepositoryModelUnload(  # noqa: N802  the wire's name
        self, _request: messages.RepositoryModelUnloadRequest, _context: _Context
    ) -> messages.RepositoryModelUnloadResponse:
        """Refused: what serves is for the configuration to say."""
        raise errors.ManagedByConfiguration("unloading a model")


def is_any_available(versions: Iterable[VersionStatus]) -> bool:
    """Whether one of the versions serves."""
    return any(version.state is State.AVAILABLE for version in versions)


def _to_call(
    request: messages.ModelInferRequest, inputs: dict[str, Tensor], deadline: float
) -> PredictCall:
    return PredictCall(
        protocol=Protocol.KSERVE_GRPC,
        model=_name(request.model_name),
        version=parse_version(request.model_version),
        inputs=inputs,
        output_filter=kserve_tensors.wanted_outputs(request),
        deadline=min(deadline, deadlines.of_parameters(request.parameters)),
    )


def _to_response(prediction: Prediction, request_id: str) -> messages.ModelInferResponse:
    response = messages.ModelInferResponse(
        model_name=prediction.model, model_version=str(prediction.version), id=request_id
    )
    kserve_tensors.to_response(prediction.outputs, response)
    return response


def _name(name: str) -> str:
    if not name:
        raise errors.InvalidInput("model name", "the name of a model", "nothing")
    return name


def _fill(message: _Message, document: Json) -> _Message:
    return json_format.ParseDict(document, message)
