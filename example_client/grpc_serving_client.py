"""Classifies the images of a .npy file over TensorFlow Serving's gRPC API.

Flags and output are those of OpenVINO Model Server's client, with two differences: TensorFlow is not
needed, and the statistics are computed from the times as measured (OVMS's client cuts them to whole
milliseconds first, so that a fast answer has an infinite speed).
"""

import argparse
import importlib
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchwright_server.protos import prediction_service_pb2 as messages

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import (
    balancing,
    channels,
    classification,
    classifying,
    faults,
    frames,
    imageflags,
    stubs,
    targets,
    tensors,
)


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    flags = _parser().parse_args()
    return faults.run_program(lambda: _run(flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="grpc_serving_client", description=__doc__)
    imageflags.add_flags(parser)
    targets.add_flags(parser)
    add = parser.add_argument
    add("--pipeline_name", default="", help="a pipeline to ask instead, which answers with classes")
    add("--dag-batch-size-auto", action="store_true", help="send (N,1,C,H,W) instead of (N,C,H,W)")
    add("--round_robin", action="store_true", help="take all addresses of --grpc_address in turn")
    return parser


@dataclass(frozen=True)
class _Client:
    flags: argparse.Namespace
    service: stubs.PredictionService

    def prepare(self, batch: frames.Images) -> messages.PredictRequest:
        array = np.expand_dims(batch, 1) if self.flags.dag_batch_size_auto else batch
        spec = messages.ModelSpec(name=self.flags.pipeline_name or self.flags.model_name)
        inputs = {self.flags.input_name: tensors.to_proto(array)}
        return messages.PredictRequest(model_spec=spec, inputs=inputs)

    def ask(self, request: messages.PredictRequest) -> messages.PredictResponse:
        return channels.call(self.service.Predict, request, targets.parse_target(self.flags))

    def read(self, answer: messages.PredictResponse) -> NDArray[np.generic]:
        if self.flags.output_name not in answer.outputs:
            raise classification.missing_output(self.flags.output_name, answer.outputs)
        return tensors.from_proto(answer.outputs[self.flags.output_name])


def _run(flags: argparse.Namespace) -> None:
    options = balancing.ROUND_ROBIN if flags.round_robin else ()
    with channels.connect(targets.parse_target(flags), options) as channel:
        client = _Client(flags, stubs.predictions(channel))
        classifying.run(flags, client, pipeline=flags.pipeline_name)


if __name__ == "__main__":
    sys.exit(main())
