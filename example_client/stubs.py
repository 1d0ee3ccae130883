"""TensorFlow Serving's services over a channel, by this project's own small stubs."""

from collections.abc import Callable
from typing import Protocol

import grpc

from batchwright_server.protos import model_service_pb2 as models
from batchwright_server.protos import model_service_pb2_grpc as model_services
from batchwright_server.protos import prediction_service_pb2 as messages
from batchwright_server.protos import prediction_service_pb2_grpc as services
from example_client.channels import Call


class PredictionService(Protocol):
    """What the generated stub of TensorFlow Serving's PredictionService offers."""

    Predict: Call[messages.PredictRequest, messages.PredictResponse]
    GetModelMetadata: Call[messages.GetModelMetadataRequest, messages.GetModelMetadataResponse]


class ModelService(Protocol):
    """What the generated stub of TensorFlow Serving's ModelService offers."""

    GetModelStatus: Call[models.GetModelStatusRequest, models.GetModelStatusResponse]


def predictions(channel: grpc.Channel) -> PredictionService:
    """The methods for inference over `channel`."""
    generated: Callable[[grpc.Channel], PredictionService] = services.PredictionServiceStub
    return generated(channel)


def models_of(channel: grpc.Channel) -> ModelService:
    """The methods about models over `channel`."""
    generated: Callable[[grpc.Channel], ModelService] = model_services.ModelServiceStub
    return generated(channel)
