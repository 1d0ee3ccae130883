"""The protocols that models are asked by: paths, and requests as bytes, made before the run."""

from collections.abc import Mapping
from enum import StrEnum

import grpc

from batchwright_bench.remote import elements
from batchwright_bench.remote.elements import Port, Values
from batchwright_server.protos import grpc_predict_v2_pb2 as kserve
from batchwright_server.protos import grpc_predict_v2_pb2_grpc as kserve_services
from batchwright_server.protos import prediction_service_pb2 as tfs
from batchwright_server.protos import prediction_service_pb2_grpc as tfs_services
from batchwright_server.protos import tensor_pb2

_SECONDS = 30.0
_FIELD = "signature_def"
_SIGNATURE = "serving_default"


class Protocol(StrEnum):
    """What a server is spoken to by, over gRPC."""

    TFS = "tfs"  # TensorFlow Serving's
    KSERVE = "kserve"  # KServe's, version 2

    @property
    def path(self) -> str:
        """The method for inference."""
        return _PATHS[self]


_PATHS = {
    Protocol.TFS: "/tensorflow.serving.PredictionService/Predict",
    Protocol.KSERVE: "/inference.GRPCInferenceService/ModelInfer",
}


async def read_ports(channel: grpc.aio.Channel, protocol: Protocol, model: str) -> tuple[Port, ...]:
    """The model's inputs, as the server tells them. Raises AioRpcError, or Unusable."""
    if protocol is Protocol.KSERVE:
        ask = kserve_services.GRPCInferenceServiceStub(channel).ModelMetadata
        answer = await ask(kserve.ModelMetadataRequest(name=model), timeout=_SECONDS)
        return tuple(
            Port(one.name, elements.from_kserve(one.datatype), tuple(one.shape)) for one in answer.inputs
        )
    request = tfs.GetModelMetadataRequest(model_spec=tfs.ModelSpec(name=model), metadata_field=[_FIELD])
    told = await tfs_services.PredictionServiceStub(channel).GetModelMetadata(request, timeout=_SECONDS)
    signatures = tfs.SignatureDefMap()
    told.metadata[_FIELD].Unpack(signatures)
    return tuple(
        Port(
            name, elements.from_tensorflow(info.dtype), tuple(dim.size for dim in info.tensor_shape.dim)
        )
        for name, info in sorted(signatures.signature_def[_SIGNATURE].inputs.items())
    )


def to_bytes(protocol: Protocol, model: str, inputs: Mapping[str, Values]) -> bytes:
    """A request for inference."""
    if protocol is Protocol.KSERVE:
        return _to_kserve(model, inputs)
    request = tfs.PredictRequest(model_spec=tfs.ModelSpec(name=model))
    for name, values in inputs.items():
        dims = [tensor_pb2.TensorShapeProto.Dim(size=size) for size in values.shape]
        tensor = tensor_pb2.TensorProto(
            dtype=elements.to_tensorflow(values.dtype),
            tensor_shape=tensor_pb2.TensorShapeProto(dim=dims),
            tensor_content=values.tobytes(),
        )
        request.inputs[name].CopyFrom(tensor)
    return request.SerializeToString()


def _to_kserve(model: str, inputs: Mapping[str, Values]) -> bytes:
    request = kserve.ModelInferRequest(model_name=model)
    for name, values in inputs.items():
        request.inputs.add(name=name, datatype=elements.to_kserve(values.dtype), shape=values.shape)
        request.raw_input_contents.append(values.tobytes())
    return request.SerializeToString()
