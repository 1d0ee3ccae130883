"""Closed-loop clients over real gRPC: each sends its next request when it has the last one's answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import grpc
import numpy as np
from numpy.typing import NDArray

from batchwright_server.protos import prediction_service_pb2 as messages
from batchwright_server.protos import prediction_service_pb2_grpc as services
from batchwright_server.protos import tensor_pb2
from example_client import channels, tensors
from example_client.demo import records, reference

_SEED = 20
_DEADLINE_SECONDS = 40.0  # longer than the manifest's maxWaitSeconds: the server gives up first
_PAUSE_AFTER_FAILURE = 0.1  # seconds; a server that refuses must not be hammered

# Every client has a connection of its own, as clients on different machines have.
_OPTIONS = (*channels.OPTIONS, ("grpc.use_local_subchannel_pool", 1))


@dataclass(frozen=True)
class Offer:
    """What the clients ask for: batch sizes drawn uniformly from `smallest` to `largest`."""

    clients: int = 4
    smallest: int = 1
    largest: int = 16

    def __str__(self) -> str:
        if self.smallest == self.largest:
            return f"batches of {self.smallest}"
        return f"batch sizes drawn from {self.smallest} to {self.largest}"


@dataclass(frozen=True)
class Served:
    """Where the model is served, and what its tensors are called."""

    target: str
    model: str
    input_name: str
    output_name: str


class _Predict(Protocol):
    def __call__(
        self, request: messages.PredictRequest, *, timeout: float
    ) -> Awaitable[messages.PredictResponse]: ...


class _Service(Protocol):
    Predict: _Predict


@dataclass
class Traffic:
    """The clients, and the answers they have got so far, in the order in which they came."""

    offer: Offer
    served: Served
    expected: reference.Expected
    answers: list[records.Answer] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    is_stopping: bool = False

    def now(self) -> float:
        """Seconds since the traffic began."""
        return time.perf_counter() - self.began

    def stop(self) -> None:
        """Tells the clients that the request they have sent is their last."""
        self.is_stopping = True

    async def run(self) -> None:
        """Runs all clients until they are told to stop and have their last answers."""
        images = [image.tobytes() for image in self.expected.images]
        self.began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(self.offer.clients):
                group.create_task(self._client(number, images))

    async def _client(self, number: int, images: list[bytes]) -> None:
        random = np.random.default_rng((_SEED, number))
        async with grpc.aio.insecure_channel(self.served.target, options=_OPTIONS) as channel:
            generated: Callable[[grpc.aio.Channel], _Service] = services.PredictionServiceStub
            predict = generated(channel).Predict
            while not self.is_stopping:
                size = random.integers(self.offer.smallest, self.offer.largest, endpoint=True)
                indices = random.integers(0, len(images), size=size)
                answer = await self._ask(predict, number, indices, self._request(indices, images))
                self.answers.append(answer)
                if not answer.is_ok:
                    await asyncio.sleep(_PAUSE_AFTER_FAILURE)

    def _request(self, indices: NDArray[np.int64], images: list[bytes]) -> messages.PredictRequest:
        sizes = (len(indices), *self.expected.images.shape[1:])
        tensor = tensor_pb2.TensorProto(
            dtype=tensor_pb2.DT_FLOAT,
            tensor_shape={"dim": [{"size": size} for size in sizes]},
            tensor_content=b"".join(images[index] for index in indices),
        )
        spec = messages.ModelSpec(name=self.served.model)
        return messages.PredictRequest(model_spec=spec, inputs={self.served.input_name: tensor})

    async def _ask(
        self,
        predict: _Predict,
        client: int,
        indices: NDArray[np.int64],
        request: messages.PredictRequest,
    ) -> records.Answer:
        start = self.now()
        try:
            response = await predict(request, timeout=_DEADLINE_SECONDS)
        except grpc.aio.AioRpcError as error:
            code, detail = error.code().name, str(error.details())
            return records.Answer(client, start, self.now(), len(indices), code, detail=detail)
        end = self.now()
        return records.Answer(
            client, start, end, len(indices), mismatched=self._mismatched(indices, response)
        )

    def _mismatched(self, indices: NDArray[np.int64], response: messages.PredictResponse) -> int:
        if self.served.output_name not in response.outputs:
            return len(indices)
        rows = tensors.from_proto(response.outputs[self.served.output_name])
        return self.expected.mismatched(indices, rows)
