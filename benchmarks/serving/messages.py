"""Serialised requests, one a file, so that the load sends bytes and computes nothing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from batchwright_server.api import tensor_proto
from batchwright_server.protos import grpc_predict_v2_pb2, prediction_service_pb2

PREDICT = "/tensorflow.serving.PredictionService/Predict"
MODEL_INFER = "/inference.GRPCInferenceService/ModelInfer"


@dataclass(frozen=True)
class Subject:
    """A model to ask for: its name, where it is, its input, the shape of a sample."""

    name: str
    folder: Path
    input_name: str
    sample: tuple[int, ...]

    @property
    def xml(self) -> Path:
        """What OpenVINO reads."""
        return self.folder / "1" / "model.xml"


def write_predict(folder: Path, subject: Subject, batch_size: int) -> str:
    """A file with a PredictRequest of random pixels."""
    request = prediction_service_pb2.PredictRequest()
    request.model_spec.name = subject.name
    request.inputs[subject.input_name].CopyFrom(tensor_proto.to_proto(_draw(subject, batch_size)))
    return _write(folder / f"{subject.name}-{batch_size}.predict", request.SerializeToString())


def write_infer(folder: Path, subject: Subject, batch_size: int) -> str:
    """A file with a ModelInferRequest, its data raw."""
    tensor = _draw(subject, batch_size)
    request = grpc_predict_v2_pb2.ModelInferRequest(model_name=subject.name)
    request.inputs.add(name=subject.input_name, datatype="FP32", shape=tensor.shape)
    request.raw_input_contents.append(tensor.tobytes())
    return _write(folder / f"{subject.name}-{batch_size}.infer", request.SerializeToString())


def write_raw(folder: Path, subject: Subject, batch_size: int) -> str:
    """A file with nothing but the data, for servers whose protocol is the user's."""
    return _write(folder / f"{subject.name}-{batch_size}.raw", _draw(subject, batch_size).tobytes())


def write_answer(folder: Path, subject: Subject, batch_size: int, outputs: int) -> str:
    """A file with a PredictResponse of `outputs` numbers for each sample."""
    response = prediction_service_pb2.PredictResponse()
    response.model_spec.name = subject.name
    tensor = np.zeros((batch_size, outputs), np.float32)
    response.outputs["output"].CopyFrom(tensor_proto.to_proto(tensor))
    return _write(folder / f"{subject.name}-{batch_size}.answer", response.SerializeToString())


def _draw(subject: Subject, batch_size: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    random = np.random.default_rng(batch_size)
    return random.random((batch_size, *subject.sample), np.float32)


def _write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)
