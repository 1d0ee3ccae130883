"""A real gRPC server on a free port of the loopback that answers like a model of digits."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import numpy as np

from batchwright_server.protos import prediction_service_pb2 as messages
from batchwright_server.protos import prediction_service_pb2_grpc as services
from batchwright_server.protos import tensor_pb2
from example_client import tensors

CLASSES = 10


@dataclass
class DigitService:
    """Answers with the class that the first pixel of an image names; fails as often as told first."""

    failures: list[grpc.StatusCode] = field(default_factory=list)
    requests: list[messages.PredictRequest] = field(default_factory=list)

    def Predict(  # noqa: N802 (the contract's name)
        self, request: messages.PredictRequest, context: grpc.ServicerContext
    ) -> messages.PredictResponse:
        """One row for each image; refuses another model's name."""
        self.requests.append(request)
        if self.failures:
            context.abort(self.failures.pop(), "not now")
        if request.model_spec.name != "digits":
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model is named {request.model_spec.name}")
        images = tensors.from_proto(request.inputs["0"])
        named = images.reshape(len(images), -1)[:, 0].astype(np.int64) % CLASSES
        rows = np.eye(CLASSES, dtype=np.float32)[named]
        return messages.PredictResponse(outputs={"1463": tensors.to_proto(rows)})

    def GetModelMetadata(  # noqa: N802 (the contract's name)
        self, request: messages.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> messages.GetModelMetadataResponse:
        """One input of any batch size, and one output."""
        signature = tensor_pb2.SignatureDef(
            inputs={"0": _info("0", (-1, 3, 4, 4))}, outputs={"1463": _info("1463", (-1, CLASSES))}
        )
        answer = messages.GetModelMetadataResponse(model_spec=request.model_spec)
        defs = messages.SignatureDefMap(signature_def={"serving_default": signature})
        answer.metadata["signature_def"].Pack(defs)
        return answer


@contextmanager
def serving(service: DigitService) -> Iterator[int]:
    """The port at which `service` answers while the context lasts."""
    server = grpc.server(futures.ThreadPoolExecutor(4), options=(("grpc.so_reuseport", 0),))
    services.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def _info(name: str, shape: tuple[int, ...]) -> tensor_pb2.TensorInfo:
    dims = [tensor_pb2.TensorShapeProto.Dim(size=size) for size in shape]
    wire = tensor_pb2.TensorShapeProto(dim=dims)
    return tensor_pb2.TensorInfo(name=name, dtype=tensor_pb2.DT_FLOAT, tensor_shape=wire)
