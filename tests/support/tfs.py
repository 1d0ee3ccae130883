"""A client of the TensorFlow Serving API for tests."""

from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from batchwright_server.api import tensor_proto
from batchwright_server.protos import (
    model_service_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
)

Array = NDArray[Any]


def predict_request(model: str, **inputs: Array) -> prediction_service_pb2.PredictRequest:
    """A Predict request with its tensors in `tensor_content`."""
    request = prediction_service_pb2.PredictRequest()
    request.model_spec.name = model
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tensor_proto.to_proto(value))
    return request


class TfsClient:
    """Calls the services on one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(channel)

    async def predict(self, model: str, *, timeout: float = 60.0, **inputs: Array) -> dict[str, Array]:
        """The outputs by name. Raises grpc.aio.AioRpcError."""
        return await self.send(predict_request(model, **inputs), timeout=timeout)

    async def send(
        self, request: prediction_service_pb2.PredictRequest, *, timeout: float = 60.0
    ) -> dict[str, Array]:
        """The outputs of a request made by hand."""
        response = await self.prediction.Predict(request, timeout=timeout)
        return {
            name: np.array(tensor_proto.from_proto(name, proto))
            for name, proto in response.outputs.items()
        }

    async def metadata(self, model: str) -> prediction_service_pb2.SignatureDefMap:
        """The model's signatures."""
        request = prediction_service_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = model
        response = await self.prediction.GetModelMetadata(request, timeout=10)
        signatures = prediction_service_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return signatures

    async def status(self, model: str) -> model_service_pb2.GetModelStatusResponse:
        """The states of the model's versions."""
        request = model_service_pb2.GetModelStatusRequest()
        request.model_spec.name = model
        response: model_service_pb2.GetModelStatusResponse = await self.model.GetModelStatus(
            request, timeout=10
        )
        return response
