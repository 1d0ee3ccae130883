"""Classifies the images of a .npy file over TensorFlow Serving's gRPC API, by TensorFlow's own client.

Flags and output are those of grpc_serving_client.py, which needs no TensorFlow. This one shows that
nothing changes for who has it; it needs what tensorflow_requirements.txt lists.
"""

import argparse
import importlib
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow import make_ndarray, make_tensor_proto
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

if not __package__:  # run by its path
    importlib.import_module("checkout")

# Nothing with this project's own stubs: the same messages cannot be in one process twice.
from example_client import (
    balancing,
    channels,
    classification,
    classifying,
    faults,
    frames,
    imageflags,
    targets,
)


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="tensorflow_serving_client", description=__doc__)
    imageflags.add_flags(parser)
    targets.add_flags(parser)
    parser.add_argument(
        "--round_robin", action="store_true", help="take all addresses of --grpc_address in turn"
    )
    flags = parser.parse_args()
    return faults.run_program(lambda: _run(flags))


@dataclass(frozen=True)
class _Client:
    flags: argparse.Namespace
    service: Any

    def prepare(self, batch: frames.Images) -> Any:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.flags.model_name
        request.inputs[self.flags.input_name].CopyFrom(make_tensor_proto(batch))
        return request

    def ask(self, request: Any) -> Any:
        return channels.call(self.service.Predict, request, targets.parse_target(self.flags))

    def read(self, answer: Any) -> NDArray[Any]:
        if self.flags.output_name not in answer.outputs:
            raise classification.missing_output(self.flags.output_name, answer.outputs)
        return np.asarray(make_ndarray(answer.outputs[self.flags.output_name]))


def _run(flags: argparse.Namespace) -> None:
    options = balancing.ROUND_ROBIN if flags.round_robin else ()
    with channels.connect(targets.parse_target(flags), options) as channel:
        service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        classifying.run(flags, _Client(flags, service))


if __name__ == "__main__":
    sys.exit(main())
