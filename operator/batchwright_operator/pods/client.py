"""The pod client: a pod's signals, and the request to read its configuration again.

A pod that does not answer is an everyday thing and therefore a value, never an exception.
"""

from typing import Protocol

import aiohttp
from pydantic import ValidationError

from batchwright_operator.reconcile.observed import Report, Unreachable
from batchwright_server.config.problems import problems_of
from batchwright_server.config.signals import FORMAT, Signals

TIMEOUT_SECONDS = 2.0
MAX_BYTES = 1024 * 1024
_OK = 200


class PodClient(Protocol):
    """What the controller asks of pods; `address` is host:port of a pod's HTTP side."""

    async def read(self, address: str) -> Report:
        """The pod's signals."""
        ...

    async def reload(self, address: str) -> None:
        """Have the pod read its configuration now; how that went is in its next signals."""
        ...


class HttpPodClient:
    """The pod client over HTTP. Must be closed."""

    def __init__(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)

    async def close(self) -> None:
        """Give back the connections."""
        await self._session.close()

    async def read(self, address: str) -> Report:
        """The pod's signals, or why there are none."""
        url = f"http://{address}/v1/signals"
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != _OK:
                    return Unreachable(f"expected status 200 from {url}, got {response.status}")
                return parse_signals(await _read_capped(response.content))
        except (aiohttp.ClientError, OSError) as error:
            return Unreachable(_describe(error, url))

    async def reload(self, address: str) -> None:
        """Ask and pass over the answer: a refusal is told by the signals, with its reason."""
        url = f"http://{address}/v1/config/reload"
        try:
            async with self._session.post(url, allow_redirects=False) as response:
                await _read_capped(response.content)
        except (aiohttp.ClientError, OSError):
            return  # the server also looks by itself, and the next run asks again


def parse_signals(body: bytes) -> Report:
    """The signals in an answer; what cannot be understood counts as no answer."""
    if len(body) > MAX_BYTES:
        return Unreachable(f"signals of more than {MAX_BYTES} bytes")
    try:
        signals = Signals.model_validate_json(body)
    except ValidationError as error:
        return Unreachable(f"signals not understood: {problems_of(error)[0]}")
    if signals.format != FORMAT:
        return Unreachable(f"signals of format {signals.format}; expected {FORMAT}")
    return signals


async def _read_capped(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            break
    return bytes(body)


def _describe(error: Exception, url: str) -> str:
    reason = str(error) or type(error).__name__
    return f"no answer from {url}: {reason}"
