"""Classifies the images of a .npy file over TensorFlow Serving's HTTP API.

Flags and output are those of OpenVINO Model Server's client; nothing beyond Python's own HTTP is needed.
"""

import argparse
import importlib
import json
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import (
    classification,
    classifying,
    faults,
    flagtypes,
    frames,
    imageflags,
    restformats,
    targets,
    weblinks,
)


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    flags = _parser().parse_args()
    return faults.run_program(lambda: _run(flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rest_serving_client", description=__doc__)
    imageflags.add_flags(parser)
    add = parser.add_argument
    add("--rest_url", default="http://localhost", help="where HTTP is; https: with TLS")
    add("--rest_port", default=5555, type=flagtypes.positive, help="port of the HTTP service")
    formats = [one.value for one in restformats.Format]
    add("--request_format", choices=formats, default="row_noname", help="how tensors are written")
    add("--model_version", type=flagtypes.count, help="the model's version; default: the newest")
    targets.add_certificate_flags(parser)
    add("--ignore_server_verification", action="store_true", help="believe any server's certificate")
    return parser


@dataclass(frozen=True)
class _Client:
    flags: argparse.Namespace
    link: weblinks.Link

    @property
    def _format(self) -> restformats.Format:
        return restformats.Format(self.flags.request_format)

    @property
    def _path(self) -> str:
        version = self.flags.model_version
        part = "" if version is None else f"/versions/{version}"
        return f"/v1/models/{self.flags.model_name}{part}:predict"

    def prepare(self, batch: frames.Images) -> bytes:
        body = restformats.to_body(self._format, self.flags.input_name, batch.tolist())
        return json.dumps(body).encode()

    def ask(self, request: bytes) -> bytes:
        return self.link.post(self._path, request)

    def read(self, answer: bytes) -> NDArray[np.generic]:
        try:
            found: dict[str, Any] = restformats.from_body(json.loads(answer))
        except (ValueError, KeyError, TypeError) as error:
            raise faults.ClientError(f"the answer has no predictions: {answer[:200]!r}") from error
        if restformats.UNNAMED in found:  # a model of one output
            return np.asarray(found[restformats.UNNAMED])
        if self.flags.output_name not in found:
            raise classification.missing_output(self.flags.output_name, found)
        return np.asarray(found[self.flags.output_name])


def _run(flags: argparse.Namespace) -> None:
    tls = targets.parse_tls(flags)
    verifies = not flags.ignore_server_verification
    with closing(weblinks.Link.to(flags.rest_url, flags.rest_port, tls, verifies=verifies)) as link:
        classifying.run(flags, _Client(flags, link))


if __name__ == "__main__":
    sys.exit(main())
