"""Asking a worker, over its Unix socket."""

from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from batchwright_server.config.signals import Signals
from batchwright_server.config.worker import Verdict

_LOOK_SECONDS = 5.0  # for an answer that needs no work


class LinkLost(Exception):
    """The worker does not answer: it has not begun to, or is gone."""


class Link:
    """The way to one worker process."""

    def __init__(self, socket: str) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def is_ready(self) -> bool:
        """Whether it takes requests. Raises LinkLost, as all of these."""
        return bool(orjson.loads(await self._ask("GET", "/ready"))["ready"])

    async def signals(self) -> Signals:
        """What it says of itself."""
        return Signals.model_validate_json(await self._ask("GET", "/signals"))

    async def metrics(self) -> str:
        """Its metrics in the Prometheus text format."""
        return (await self._ask("GET", "/metrics")).decode()

    async def versions(self) -> dict[str, Any]:
        """The states of its models' versions."""
        answer: dict[str, Any] = orjson.loads(await self._ask("GET", "/versions"))
        return answer

    async def prepare(self, document: bytes) -> Verdict:
        """Have a document made ready, which takes as long as compiling does."""
        return Verdict.model_validate_json(await self._ask("PUT", "/document", document, None))

    async def decide(self, *, agreed: bool) -> None:
        """Have what was made ready taken into service, or dropped."""
        await self._ask("POST", f"/decision/{'yes' if agreed else 'no'}", None, None)

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, total: float | None = _LOOK_SECONDS
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=total)
        try:
            async with self._session.request(
                method, f"http://worker{path}", data=body, timeout=timeout, raise_for_status=True
            ) as answer:
                return await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LinkLost(str(error)) from error
        except RuntimeError as error:  # what a session says that was closed: the worker ended meanwhile
            if not self._session.closed:
                raise
            raise LinkLost("it ended") from error
