"""Classifies the images of a .npy file over KServe's HTTP API, by NVIDIA's tritonclient.

Flags and output are those of the other clients here. Needs what kserve_requirements.txt lists.
"""

import argparse
import importlib
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gevent.ssl
import tritonclient.http as triton
from geventhttpclient.response import HTTPConnectionClosed
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import classifying, faults, frames, imageflags, kserve, patience, targets

_AWAY = frozenset({"502", "503"})


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="kserve_http_client", description=__doc__)
    imageflags.add_flags(parser)
    targets.add_flags(parser, "http", 8000)
    flags = parser.parse_args()
    return faults.run_program(lambda: _run(flags))


@dataclass(frozen=True)
class _Client:
    flags: argparse.Namespace
    connection: Any
    target: targets.Target

    def prepare(self, batch: frames.Images) -> kserve.Request:
        tensor, wanted = kserve.to_tensors(triton, self.flags, batch)
        return kserve.Request([tensor], [wanted])

    def ask(self, request: kserve.Request) -> Any:
        return patience.persist(lambda seconds: self._attempt(request, seconds))

    def read(self, answer: Any) -> NDArray[Any]:
        return kserve.to_rows(answer, self.flags.output_name)

    def _attempt(self, request: kserve.Request, seconds: float) -> Any:
        model, limit = self.flags.model_name, int(seconds * 1e6)
        try:
            return self.connection.infer(model, request.inputs, outputs=request.outputs, timeout=limit)
        except InferenceServerException as error:
            told = kserve.sentence(error, self.target)
            raise (patience.Away if error.status() in _AWAY else faults.ClientError)(told) from error
        except TimeoutError as error:
            limit_told = f"{patience.DEADLINE_SECONDS:.0f} seconds"
            raise faults.ClientError(f"{self.target} gave no answer within {limit_told}") from error
        except gevent.ssl.SSLError as error:
            raise faults.ClientError(f"no TLS with {self.target}: {error.reason}") from error
        except (OSError, HTTPConnectionClosed) as error:
            raise patience.Away(f"no server answers at {self.target}: {error}") from error


def _run(flags: argparse.Namespace) -> None:
    target = targets.parse_target(flags, "http")
    with closing(_connect(target)) as connection:
        classifying.run(flags, _Client(flags, connection, target))


def _connect(target: targets.Target) -> Any:
    patient: dict[str, Any] = {"network_timeout": patience.DEADLINE_SECONDS}
    if target.tls is None:
        return triton.InferenceServerClient(str(target), **patient)
    context = _context(target.tls)
    return triton.InferenceServerClient(
        str(target),
        ssl=True,
        ssl_options={"server_hostname": target.address},
        ssl_context_factory=lambda: context,
        **patient,
    )


def _context(tls: targets.Tls) -> Any:
    for file in (tls.server_cert, tls.client_cert, tls.client_key):
        targets.read(file)  # so that an unreadable one is told as everywhere here
    context = gevent.ssl.create_default_context(cafile=tls.server_cert)
    if tls.client_cert is not None:
        context.load_cert_chain(tls.client_cert, tls.client_key)
    return context


if __name__ == "__main__":
    sys.exit(main())
