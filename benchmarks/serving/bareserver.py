"""The least that a gRPC server in Python can do: `python -m benchmarks.serving.bareserver PORT FILE`.

It answers every request with the bytes of the file, which nobody parses and nobody computes: what any
server with the same messages costs before it does anything.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import grpc
import uvloop

METHOD = "/tensorflow.serving.PredictionService/Predict"


async def serve(port: int, answer: bytes) -> None:
    """Serve until the process is ended."""

    async def echo(_request: bytes, _context: "grpc.aio.ServicerContext[Any, Any]") -> bytes:
        return answer

    await listen(port, echo)


async def listen(port: int, predict: Any) -> None:
    """Answer Predict, message by message, until the process is ended."""
    service, name = METHOD[1:].split("/")
    handlers = {name: grpc.unary_unary_rpc_method_handler(predict)}
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
