"""Readiness, asked as a kubelet asks it: one HTTP GET."""

import asyncio


async def is_answering(host: str, port: int, path: str, *, timeout_seconds: float) -> bool:
    """Whether a GET is answered with a status from 200 to 399 in time."""
    try:
        async with asyncio.timeout(timeout_seconds):
            status = await _status(host, port, path)
    except (OSError, TimeoutError, ValueError, IndexError):
        return False
    return 200 <= status < 400


async def _status(host: str, port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        await writer.drain()
        line = await reader.readline()
    finally:
        writer.close()
    return int(line.split()[1])
