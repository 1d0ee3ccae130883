"""`batch_size: auto` as OpenVINO Model Server has it.

`python -m benchmarks.serving.autoserver XML PORT`. One compiled size. A request of another size waits
until nothing runs, looking every 10 ms, and compiles the model anew, without looking whether somebody
else did meanwhile; whoever comes waits. Then it runs before anybody else may reload. The rest is as lean
as our own server: the same gRPC, the same reading of messages, the latency hint.
"""

import asyncio
import sys
from typing import Any

import grpc
import openvino as ov
import uvloop

from batchwright_server.api import predict_wire
from batchwright_server.core.tensors import Tensor, Tensors
from benchmarks.serving.bareserver import listen

_DRAIN_SECONDS = 0.01  # between looks at what still runs


class AutoModel:
    """A model with one compiled size, and those that wait for another."""

    def __init__(self, xml: str) -> None:
        self._core = ov.Core()
        self._model = self._core.read_model(xml)
        self._output = self._model.outputs[0].get_any_name()
        self._loading = asyncio.Lock()
        self._available = asyncio.Event()
        self._running = 0
        self._batch_size = 0
        self._free: asyncio.Queue[ov.InferRequest] = asyncio.Queue()

    async def load(self, batch_size: int) -> None:
        """Compile for `batch_size`; everybody waits."""
        self._available.clear()
        while self._running:  # noqa: ASYNC110  as it is done over there
            await asyncio.sleep(_DRAIN_SECONDS)
        requests = await asyncio.to_thread(self._compile, batch_size)
        self._free = asyncio.Queue()
        for request in requests:
            self._free.put_nowait(request)
        self._batch_size = batch_size
        self._available.set()

    async def infer(self, inputs: Tensors) -> dict[str, Tensor]:
        """The answer, after a reload where it needs one."""
        await self._available.wait()
        batch_size = next(iter(inputs.values())).shape[0]
        if batch_size == self._batch_size:
            self._running += 1
        else:
            async with self._loading:
                await self.load(batch_size)
                self._running += 1  # nobody may reload before this one has run
        try:
            return await self._run(inputs)
        finally:
            self._running -= 1

    def _compile(self, batch_size: int) -> list[ov.InferRequest]:
        shape = self._model.inputs[0].partial_shape
        shape[0] = batch_size
        self._model.reshape(shape)
        compiled = self._core.compile_model(self._model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        count = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        return [compiled.create_infer_request() for _ in range(count)]

    async def _run(self, inputs: Tensors) -> dict[str, Tensor]:
        free = self._free
        request = await free.get()
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        request.set_callback(lambda _: loop.call_soon_threadsafe(done.set), None)
        request.start_async(dict(inputs), share_inputs=True)
        await done.wait()
        answer = request.get_output_tensor(0).data.copy()
        free.put_nowait(request)
        return {self._output: answer}


async def serve(xml: str, port: int) -> None:
    """Serve until the process is ended."""
    model, writer = AutoModel(xml), predict_wire.ResponseWriter()
    await model.load(1)

    async def predict(message: bytes, _context: "grpc.aio.ServicerContext[Any, Any]") -> bytes:
        request = predict_wire.read_request(message)
        if request is None:
            raise ValueError("expected a request with its tensors in tensor_content")
        return writer.write(request.model, 1, await model.infer(request.inputs))

    await listen(port, predict)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
