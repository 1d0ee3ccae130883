"""All workers of a server, which take a document into service together or not at all."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from batchwright_server.config.document import Document, render_document
from batchwright_server.config.problems import InvalidDocument, Problem
from batchwright_server.config.signals import Signals
from batchwright_server.workers import metric_sums, signal_sums
from batchwright_server.workers.link import Link, LinkLost
from batchwright_server.workers.worker import Worker

_log = logging.getLogger(__name__)

_READY_LOOK_SECONDS = 0.02
_CONVERGE_SECONDS = 0.5


class StartFailed(OSError):
    """A worker ended before it was ready: another one would as well."""


class Fleet:
    """Starts workers, has them serve documents, and adds up what they count."""

    def __init__(self) -> None:
        self.document = ""  # what workers are started with
        self.workers: Sequence[Worker] = ()
        self._is_applying = False
        self._converging: asyncio.Task[None] | None = None
        self._past: signal_sums.Past = {}
        self._past_cpu_seconds = 0.0
        self._past_metrics = metric_sums.Families()

    @property
    def is_ready(self) -> bool:
        """Whether every worker takes requests."""
        return bool(self.workers) and all(worker.is_ready for worker in self.workers)

    @property
    def restarts(self) -> int:
        """Of all workers."""
        return sum(worker.restarts for worker in self.workers)

    async def start(self, document: Document) -> None:
        """Start the workers; returns when all are ready. Raises StartFailed."""
        self.document = render_document(document).decode()
        for worker in self.workers:
            worker.buried = self._bury
            worker.start()
        while not self.is_ready:
            for worker in self.workers:
                if worker.ended_early.done():
                    code = worker.ended_early.result()
                    raise StartFailed(f"worker {worker.index} ended with {code} while it started")
            await asyncio.sleep(_READY_LOOK_SECONDS)
        self._converging = asyncio.create_task(self._converge())

    async def apply(self, document: Document) -> None:
        """Have all workers serve `document`, all or none. Raises InvalidDocument."""
        self._is_applying = True
        try:
            await self._apply(render_document(document))
        finally:
            self._is_applying = False

    async def _apply(self, text: bytes) -> None:
        links = {worker: worker.link for worker in self.workers if worker.link}
        if not links:
            raise InvalidDocument((Problem("", "no worker runs now; try again"),))
        answers = await asyncio.gather(
            *(_prepare(worker, link, text) for worker, link in links.items()), return_exceptions=True
        )
        fault = next((answer for answer in answers if isinstance(answer, BaseException)), None)
        if fault is None:
            # From here on whoever ends is started with the new one.
            self.document = text.decode()
            for worker in links:
                worker.document = self.document
        waiting = [link for link, answer in zip(links.values(), answers, strict=True) if answer is True]
        await asyncio.gather(
            *(link.decide(agreed=fault is None) for link in waiting), return_exceptions=True
        )
        if fault is not None:
            raise fault

    async def refresh(self) -> None:
        """Nothing: each worker looks at the repository by itself."""

    async def stop(self) -> None:
        """Let every worker finish what runs, and end."""
        if self._converging:
            self._converging.cancel()
        await asyncio.gather(*(worker.stop() for worker in self.workers))

    async def look(self) -> None:
        """See what all of them counted by now."""
        await asyncio.gather(*(worker.look() for worker in self.workers))

    def add_signals(self) -> tuple[list[Signals], signal_sums.Past, float]:
        """Those of the workers that run; what those counted that are gone, and their processor time."""
        found = [worker.signals for worker in self.workers if worker.signals]
        return found, self._past, self._past_cpu_seconds

    def add_metrics(self) -> metric_sums.Families:
        """The sums over all workers, those that are gone among them."""
        families = metric_sums.Families()
        for worker in self.workers:
            if worker.metrics:
                families.add(worker.metrics)
        families.merge(self._past_metrics)
        return families

    async def versions(self) -> dict[str, Any]:
        """The states of every model's versions, as the first worker that answers has them."""
        for worker in self.workers:
            if worker.link:
                try:
                    return await worker.link.versions()
                except LinkLost:
                    continue
        return {}

    def _bury(self, worker: Worker) -> None:
        if worker.signals:
            self._past = signal_sums.bury(self._past, worker.signals)
            self._past_cpu_seconds += worker.signals.cpu_seconds
        if worker.metrics:
            self._past_metrics.add_past(worker.metrics)

    async def _converge(self) -> None:
        """Start anew whoever was started with a document that no longer serves."""
        while True:
            await asyncio.sleep(_CONVERGE_SECONDS)
            for worker in self.workers:
                is_old = worker.is_ready and worker.document != self.document
                if is_old and not self._is_applying:
                    _log.info("worker %s began with an older configuration; starting anew", worker.index)
                    worker.end()


async def _prepare(worker: Worker, link: Link, text: bytes) -> bool:
    """Whether the worker waits for a decision; if not, it serves that already."""
    try:
        verdict = await link.prepare(text)
    except LinkLost as error:
        reason = f"worker {worker.index} ended while it made this ready"
        raise InvalidDocument((Problem("", reason),)) from error
    if verdict.problems:
        raise InvalidDocument(tuple(Problem(*each) for each in verdict.problems))
    return verdict.is_prepared
