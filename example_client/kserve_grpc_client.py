"""Classifies the images of a .npy file over KServe's gRPC API, by NVIDIA's tritonclient.

Flags and output are those of grpc_serving_client.py. Needs what kserve_requirements.txt lists.
"""

import argparse
import importlib
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tritonclient.grpc as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import classifying, faults, frames, imageflags, kserve, patience, targets

_AWAY = frozenset({"StatusCode.UNAVAILABLE", "StatusCode.CANCELLED"})


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="kserve_grpc_client", description=__doc__)
    imageflags.add_flags(parser)
    targets.add_flags(parser)
    flags = parser.parse_args()
    return faults.run_program(lambda: _run(flags))


@dataclass(frozen=True)
class _Client:
    flags: argparse.Namespace
    connection: Any

    def prepare(self, batch: frames.Images) -> kserve.Request:
        tensor, wanted = kserve.to_tensors(triton, self.flags, batch)
        return kserve.Request([tensor], [wanted])

    def ask(self, request: kserve.Request) -> Any:
        return patience.persist(lambda seconds: self._attempt(request, seconds))

    def read(self, answer: Any) -> NDArray[Any]:
        return kserve.to_rows(answer, self.flags.output_name)

    def _attempt(self, request: kserve.Request, seconds: float) -> Any:
        try:
            return self.connection.infer(
                self.flags.model_name, request.inputs, outputs=request.outputs, client_timeout=seconds
            )
        except InferenceServerException as error:
            told = kserve.sentence(error, targets.parse_target(self.flags))
            raise (patience.Away if error.status() in _AWAY else faults.ClientError)(told) from error


def _run(flags: argparse.Namespace) -> None:
    target = targets.parse_target(flags)
    with closing(_connect(target)) as connection:
        classifying.run(flags, _Client(flags, connection))


def _connect(target: targets.Target) -> Any:
    if target.tls is None:
        return triton.InferenceServerClient(str(target))
    files = (target.tls.server_cert, target.tls.client_key, target.tls.client_cert)
    for file in files:
        targets.read(file)  # so that an unreadable one is told as everywhere here
    return triton.InferenceServerClient(str(target), False, True, *map(_text, files))


def _text(file: Path | None) -> str | None:
    return None if file is None else str(file)


if __name__ == "__main__":
    sys.exit(main())
