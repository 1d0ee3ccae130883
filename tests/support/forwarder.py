"""A forwarder of TCP connections that counts them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Forwarder:
    """Passes bytes on to a port of loopback, both ways, as they come."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.connections = 0
        self.ended = 0  # connections that the target closed
        self.silent = False  # bytes vanish, and no end learns of it

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client to the target until either end closes."""
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._pump(reader, there_writer), self._pump_back(there_reader, writer))

    async def _pump_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pump(reader, writer)
        self.ended += 1

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(1 << 16):
                if not self.silent:
                    writer.write(chunk)
                    await writer.drain()
        writer.close()


@asynccontextmanager
async def forwarding(target: int) -> AsyncIterator[tuple[Forwarder, int]]:
    """A forwarder to `target`, and the port that it listens on."""
    forwarder = Forwarder(target)
    server = await asyncio.start_server(forwarder.serve, "127.0.0.1", 0)
    async with server:
        yield forwarder, server.sockets[0].getsockname()[1]
