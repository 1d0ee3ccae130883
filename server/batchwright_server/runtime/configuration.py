"""The configuration document in force: read at start, polled, re-read or sent on request.

A document that cannot be read, is invalid, or names what cannot be loaded changes nothing that serves;
it is remembered as rejected, with the reason.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Protocol

from batchwright_server.config import digest, document
from batchwright_server.config.problems import InvalidDocument, Problem
from batchwright_server.config.signals import ConfigState, describe_refusal
from batchwright_server.errors import ServerEnding

_log = logging.getLogger(__name__)

ReadDocument = Callable[[], bytes]


class Applying(Protocol):
    """What takes documents into service."""

    async def start(self, document: document.Document) -> None:
        """Serve what can be served of the first document."""

    async def apply(self, document: document.Document) -> None:
        """Serve another document, all or nothing. Raises InvalidDocument."""

    async def refresh(self) -> None:
        """Look for what changed beside the document."""


class ReloadResult(StrEnum):
    """What came of a document."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


class Configuration:
    """Takes documents into service, one after the other.

    There is a file, and there are documents that were sent. One that was sent wins until the file
    becomes equal to it: what else the file changes to meanwhile may be older.
    """

    def __init__(self, read: ReadDocument, rollout: Applying) -> None:
        self._read = read
        self._rollout = rollout
        self._one_at_a_time = asyncio.Lock()
        self.document = document.Document(model_config_list=())  # what serves
        self.state = ConfigState(hash="")
        self.results: Counter[ReloadResult] = Counter()
        self.loaded = False
        self._seen = ""  # digest of the file as it was read last
        self._sent = ""  # digest of the document that wins over the file; empty: the file counts
        self._newest: tuple[str, asyncio.Task[ReloadResult]] | None = None  # sent last
        self._started = asyncio.Event()
        self._ended = False

    def read_first(self) -> None:
        """Read the document to begin with. Raises InvalidDocument: without one nothing can be served."""
        text = self._read_text()
        self.document = document.parse_document(text)
        self._seen = digest.digest(text)
        _tell_warnings(self.document)

    async def start(self) -> None:
        """Load the models of the document that was read first."""
        await self._rollout.start(self.document)
        self.state = ConfigState(hash=self._seen)
        self.loaded = True
        self._started.set()

    def end(self) -> None:
        """Take no more documents."""
        self._ended = True
        self._started.set()

    async def send(self, text: bytes) -> ReloadResult:
        """Take the document `text` into service, to win over the file until that becomes equal to it.

        Raises InvalidDocument or ServerEnding, having changed nothing. Whoever sends what was sent last
        and is still on its way waits for that one. Giving up waiting leaves no half of a configuration.
        """
        content = digest.digest(text)
        if self._newest is None or self._newest[0] != content or self._newest[1].done():
            taking = self._count(lambda: self._take_sent(text, content))
            self._newest = content, asyncio.create_task(taking, name=f"configuration {content}")
        return await asyncio.shield(self._newest[1])

    async def reload(self) -> ReloadResult:
        """Take the file into service, whatever was sent before.

        Raises InvalidDocument or ServerEnding, having changed nothing.
        """
        return await self._count(self._take_file)

    async def replace(self, wanted: document.Document) -> None:
        """Take `wanted` into service, until the file changes or `reload` asks for it.

        Raises InvalidDocument or ServerEnding, having changed nothing.
        """
        content = digest.digest(document.render_document(wanted))
        async with self._turn():
            await self._apply(wanted, content)
            self._sent = ""
            self.results[ReloadResult.APPLIED] += 1
            _log.info("configuration %s applied on request", content)

    async def poll(self, interval_seconds: float) -> None:
        """Look for a changed file and for changed versions again and again.

        What was rejected or failed is not tried again before it changes.
        """
        while True:
            await asyncio.sleep(interval_seconds)
            try:
                await self._look()
            except Exception:  # noqa: BLE001  a fault of ours in one look must not end all looking
                _log.exception("looking for changes failed; trying again")

    async def _look(self) -> None:
        if await asyncio.to_thread(self._is_news):
            with suppress(InvalidDocument):  # logged and counted; the next change may be better
                await self._count(self._follow_file)
        async with self._turn():
            await self._rollout.refresh()

    def _is_news(self) -> bool:
        try:
            text = self._read()
        except OSError:
            return self.state.error == "" and not self._sent
        return digest.digest(text) != self._seen

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One change at a time, after the first document and before the end. Raises ServerEnding."""
        await self._started.wait()
        async with self._one_at_a_time:
            if self._ended:
                raise ServerEnding
            yield

    async def _count(self, take: Callable[[], Awaitable[ReloadResult]]) -> ReloadResult:
        async with self._turn():
            try:
                result = await take()
            except InvalidDocument as error:
                self.results[ReloadResult.REJECTED] += 1
                _log.error("configuration rejected, nothing changed: %s", describe_refusal(error))
                raise
            self.results[result] += 1
            return result

    async def _take_sent(self, text: bytes, content: str) -> ReloadResult:
        result = await self._take(text, content)
        if result is ReloadResult.APPLIED:
            self._sent = content
        return result

    async def _take_file(self) -> ReloadResult:
        try:
            text = self._read_text()
        except InvalidDocument as error:
            self.state = self.state.refusing("", error)
            raise
        self._seen = digest.digest(text)
        result = await self._take(text, self._seen)
        self._sent = ""
        return result

    async def _follow_file(self) -> ReloadResult:
        """Take a changed file into service, unless a document that was sent goes before."""
        if not self._sent:
            return await self._take_file()
        self._seen = digest.digest(self._read_text())
        if self._seen == self._sent:
            self._sent = ""
            _log.info("the file has the configuration that was sent; it is followed again")
        else:
            _log.info("the file changed to %s; the one that was sent goes on", self._seen)
        return ReloadResult.UNCHANGED

    async def _take(self, text: bytes, content: str) -> ReloadResult:
        if content == self.state.hash:
            self.state = ConfigState(hash=content)
            return ReloadResult.UNCHANGED
        try:
            # Beside the loop: a document may be large.
            await self._apply(await asyncio.to_thread(document.parse_document, text), content)
        except InvalidDocument as error:
            self.state = self.state.refusing(content, error)
            raise
        _log.info("configuration %s applied", content)
        return ReloadResult.APPLIED

    async def _apply(self, wanted: document.Document, content: str) -> None:
        _tell_warnings(wanted)
        before = self.state
        self.state = before.model_copy(update={"pending_hash": content})
        try:
            await self._rollout.apply(wanted)
        except BaseException:
            self.state = before
            raise
        self.document = wanted
        self.state = ConfigState(hash=content)

    def _read_text(self) -> bytes:
        try:
            return self._read()
        except OSError as error:
            raise InvalidDocument((Problem("", f"cannot be read: {error}"),)) from error


def _tell_warnings(wanted: document.Document) -> None:
    for warning in wanted.warnings:
        _log.warning("configuration: %s", warning)
