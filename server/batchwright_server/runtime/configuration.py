"""The configuration document in force: read at start, polled, and re-read on request.

A document that cannot be read, is invalid, or names what cannot be loaded changes nothing that serves;
it is remembered as rejected, with the reason.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from batchwright_server.config import digest, document
from batchwright_server.config.problems import InvalidDocument, Problem
from batchwright_server.config.signals import ConfigState
from batchwright_server.runtime.rollout import Rollout

_log = logging.getLogger(__name__)

ReadDocument = Callable[[], bytes]


class ReloadResult(StrEnum):
    """What came of reading the configuration."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


class Configuration:
    """Reads the document and rolls it out."""

    def __init__(self, read: ReadDocument, rollout: Rollout) -> None:
        self._read = read
        self._rollout = rollout
        self._one_at_a_time = asyncio.Lock()
        self.document = document.Document(model_config_list=())  # what serves
        self.state = ConfigState(hash="")
        self.results: Counter[ReloadResult] = Counter()
        self.loaded = False
        self._seen = ""  # digest of the text read last

    async def start(self) -> None:
        """Load the first document. Raises InvalidDocument: without one there is nothing to serve."""
        async with self._one_at_a_time:
            text = self._read_text()
            self.document = document.parse_document(text)
            _tell_warnings(self.document)
            await self._rollout.start(self.document)
            self._seen = digest.digest(text)
            self.state = ConfigState(hash=self._seen)
            self.loaded = True

    async def reload(self) -> ReloadResult:
        """Take a changed document into service. Raises InvalidDocument, having changed nothing."""
        async with self._one_at_a_time:
            try:
                result = await self._reload()
            except InvalidDocument as error:
                self.results[ReloadResult.REJECTED] += 1
                _log.error("configuration rejected, nothing changed: %s", error)
                raise
            self.results[result] += 1
            return result

    async def replace(self, wanted: document.Document) -> None:
        """Take `wanted` into service, until what is read changes or `reload` asks for it.

        Raises InvalidDocument, having changed nothing.
        """
        async with self._one_at_a_time:
            await self._apply(wanted)
            self.state = ConfigState(hash=digest.digest(document.render_document(wanted)))
            self.results[ReloadResult.APPLIED] += 1
            _log.info("configuration %s applied on request", self.state.hash)

    async def poll(self, interval_seconds: float) -> None:
        """Look for a changed document and for changed versions again and again.

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
                await self.reload()
        async with self._one_at_a_time:
            await self._rollout.refresh()

    async def _reload(self) -> ReloadResult:
        rejected = ""
        try:
            text = self._read_text()
            rejected = self._seen = digest.digest(text)
            if rejected == self.state.hash:
                self.state = ConfigState(hash=rejected)
                return ReloadResult.UNCHANGED
            await self._apply(document.parse_document(text))
        except InvalidDocument as error:
            serving = self.state.hash
            self.state = ConfigState(hash=serving, rejected_hash=rejected, error=str(error))
            raise
        self.state = ConfigState(hash=digest.digest(text))
        _log.info("configuration %s applied", self.state.hash)
        return ReloadResult.APPLIED

    async def _apply(self, wanted: document.Document) -> None:
        _tell_warnings(wanted)
        await self._rollout.apply(wanted)
        self.document = wanted

    def _is_news(self) -> bool:
        try:
            text = self._read()
        except OSError:
            return self.state.error == ""
        return digest.digest(text) != self._seen

    def _read_text(self) -> bytes:
        try:
            return self._read()
        except OSError as error:
            raise InvalidDocument((Problem("", f"cannot be read: {error}"),)) from error


def _tell_warnings(wanted: document.Document) -> None:
    for warning in wanted.warnings:
        _log.warning("configuration: %s", warning)
