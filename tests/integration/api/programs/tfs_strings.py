"""Sends strings by TensorFlow's own client and prints what came, as JSON: tfs_strings.py target."""

import json
import sys
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

ROWS = [[b"plain", "é".encode()], [b"\xff\xfe\x00", b""], [b"zeros\x00\x00", b"long" * 500]]


def main(target: str) -> None:
    """Ask, and print."""
    stub = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(target))
    report = {"sent": _tell(ROWS), "answers": [_predict(stub, ROWS[:rows]) for rows in (1, 3, 2)]}
    sys.stdout.write(json.dumps(report) + "\n")


def _predict(stub: Any, rows: list[list[bytes]]) -> list[list[str]]:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "echo"
    request.inputs["s"].CopyFrom(tf.make_tensor_proto(rows))
    answer = stub.Predict(request, 30)
    return _tell(tf.make_ndarray(answer.outputs["s"]).tolist())


def _tell(rows: list[list[bytes]]) -> list[list[str]]:
    return [[text.hex() for text in row] for row in rows]


if __name__ == "__main__":
    main(*sys.argv[1:])
