"""A client pod's program: asks a model all the time with batches of several sizes, and judges answers.

    python traffic.py ADDRESS MODEL INPUT OUTPUT IMAGES SIZES CLIENTS

IMAGES is a .npy file, or the shape of samples (3x224x224) to be filled by chance.

It prints a JSON line a second, and the last when it is told to end (SIGTERM) and all its requests are
answered. A row of an answer is judged by the class that a request of this one image got at first.
Calls are repeated while a server is unavailable, as gRPC's service configuration has it.
"""

import itertools
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import numpy as np
from numpy.typing import NDArray

from batchwright_server.protos import prediction_service_pb2 as messages
from batchwright_server.protos import prediction_service_pb2_grpc as services
from example_client import tensors

_DEADLINE_SECONDS = 60.0
_PAUSE_SECONDS = 0.2  # after a failure
_IMAGES = 32
_RETRIES = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}


@dataclass(frozen=True)
class Asker:
    """Asks one model, by the names of its tensors, for some of `images`."""

    predict: Callable[..., messages.PredictResponse]
    model: str
    source: str
    result: str
    images: NDArray[np.float32]

    def ask(self, rows: list[int]) -> list[int]:
        """The class of each row."""
        request = messages.PredictRequest()
        request.model_spec.name = self.model
        request.inputs[self.source].CopyFrom(tensors.to_proto(self.images[rows]))
        answer = self.predict(request, timeout=_DEADLINE_SECONDS, wait_for_ready=True)
        values = tensors.from_proto(answer.outputs[self.result])
        return [int(n) for n in np.argmax(values.reshape(len(rows), -1), axis=1)]


@dataclass
class Tally:
    """What came of the requests so far."""

    answered: int = 0
    samples: int = 0
    wrong: int = 0
    slowest_seconds: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, seconds: float, samples: int, wrong: int) -> None:
        """One request was answered."""
        with self.lock:
            self.answered += 1
            self.samples += samples
            self.wrong += wrong
            self.slowest_seconds = max(self.slowest_seconds, seconds)

    def fail(self, error: grpc.RpcError) -> None:
        """One request was not."""
        with self.lock:
            self.failures[f"{error.code().name}: {error.details()}"[:300]] += 1

    def tell(self, *, is_last: bool = False) -> None:
        """Print it."""
        with self.lock:
            line = {
                "answered": self.answered,
                "samples": self.samples,
                "wrong": self.wrong,
                "slowest_seconds": round(self.slowest_seconds, 3),
                "failures": dict(self.failures),
                "last": is_last,
            }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def main(address: str, model: str, source: str, result: str, *rest: str) -> None:
    """Ask until told to end."""
    path, sizes, clients = rest
    images = load(path)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    tally = Tally()
    with connect(address) as channel:
        predict = services.PredictionServiceStub(channel).Predict
        asker = Asker(predict, model, source, result, images)
        expected = [asker.ask([row])[0] for row in range(len(images))]
        batches = [int(size) for size in sizes.split(",")]
        threads = [
            threading.Thread(target=run, args=(asker, expected, batches[n:] + batches[:n], tally, over))
            for n in range(int(clients))
        ]
        for thread in threads:
            thread.start()
        while not over.wait(1.0):
            tally.tell()
        for thread in threads:
            thread.join()
    tally.tell(is_last=True)


def load(path: str) -> NDArray[np.float32]:
    """Some samples."""
    if path.endswith(".npy"):
        return np.load(path)[:_IMAGES].astype(np.float32)  # type: ignore[no-any-return]  # of numpy.load
    shape = [int(size) for size in path.split("x")]
    return np.random.default_rng(0).random((_IMAGES, *shape), dtype=np.float32)


def connect(address: str) -> grpc.Channel:
    """A channel that repeats calls, and knows of new pods by asking for their addresses again."""
    options = (
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.service_config", json.dumps(_RETRIES)),
        ("grpc.dns_min_time_between_resolutions_ms", 1000),
        ("grpc.per_rpc_retry_buffer_size", 64 << 20),  # else a large request is never repeated
    )
    return grpc.insecure_channel(address, options)


def run(
    asker: Asker, expected: list[int], batches: list[int], tally: Tally, over: threading.Event
) -> None:
    """One client: batch after batch."""
    rows = itertools.cycle(range(len(expected)))
    for size in itertools.cycle(batches):
        if over.is_set():
            return
        chosen = [next(rows) for _ in range(size)]
        began = time.monotonic()
        try:
            found = asker.ask(chosen)
        except grpc.RpcError as error:
            tally.fail(error)
            time.sleep(_PAUSE_SECONDS)
            continue
        wrong = sum(found[n] != expected[row] for n, row in enumerate(chosen))
        tally.count(time.monotonic() - began, size, wrong)


if __name__ == "__main__":
    main(*sys.argv[1:])
