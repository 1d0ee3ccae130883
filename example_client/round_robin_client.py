"""Asks a model for some time, each request at the next pod, and meets new pods as they come.

Behind a headless Service's name are the addresses of all ready pods. gRPC asks for them, connects to
each, and takes them in turn; it asks again when a server ends a connection that is of age, and so new
pods get their share. Calls are repeated while a pod is unavailable.
"""

import argparse
import importlib
import sys
import threading
import time
from concurrent import futures
from dataclasses import dataclass, field

import grpc
import numpy as np

from batchwright_server.protos import prediction_service_pb2 as messages

if not __package__:  # run by its path
    importlib.import_module("checkout")

from example_client import balancing, channels, faults, flagtypes, stubs, targets, tensors

_TELL_SECONDS = 5.0


@dataclass
class Tally:
    """The requests that were answered."""

    answered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> None:
        """One more."""
        with self.lock:
            self.answered += 1


def main() -> int:
    """Runs the client with the command line's flags. Gives the exit code."""
    flags = _parser().parse_args()
    return faults.run_program(lambda: _run(flags))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="round_robin_client", description=__doc__)
    targets.add_flags(parser)
    add = parser.add_argument
    add("--model_name", default="resnet", help="the model to ask")
    add("--input_name", default="input", help="the model's input")
    add("--shape", default="3x224x224", type=flagtypes.sizes, help="of one sample; values are random")
    add("--batchsize", default=1, type=flagtypes.positive, help="samples in one request")
    add("--clients", default=4, type=flagtypes.positive, help="requests on their way at once")
    add("--seconds", default=60, type=flagtypes.positive, help="how long to ask")
    return parser


def _run(flags: argparse.Namespace) -> None:
    target = targets.parse_target(flags)
    tally, over = Tally(), threading.Event()
    began = time.monotonic()
    with (
        channels.connect(target, balancing.ROUND_ROBIN) as channel,
        futures.ThreadPoolExecutor() as pool,
    ):
        asking = [pool.submit(_ask, channel, flags, tally, over) for _ in range(flags.clients)]
        try:
            while (spent := time.monotonic() - began) < flags.seconds:
                pause = min(_TELL_SECONDS, flags.seconds - spent)
                done, _ = futures.wait(asking, pause, futures.FIRST_EXCEPTION)
                if done:
                    break  # one has failed, and tells why below
                _tell(tally, time.monotonic() - began)
        finally:
            over.set()
        for one in asking:
            one.result()


def _ask(channel: grpc.Channel, flags: argparse.Namespace, tally: Tally, over: threading.Event) -> None:
    """One request after the other, until it is `over`."""
    predict = stubs.predictions(channel).Predict
    target = targets.parse_target(flags)
    samples = np.random.default_rng(0).random((flags.batchsize, *flags.shape), dtype=np.float32)
    request = messages.PredictRequest(inputs={flags.input_name: tensors.to_proto(samples)})
    request.model_spec.name = flags.model_name
    while not over.is_set():
        channels.call(predict, request, target)
        tally.count()


def _tell(tally: Tally, seconds: float) -> None:
    sys.stdout.write(f"{seconds:5.0f} s: {tally.answered} requests answered\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
