"""One worker: its process, started again whenever it ends, and what it last said of itself."""

import asyncio
import itertools
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from batchwright_server.config.signals import Signals
from batchwright_server.config.worker import WorkerRole
from batchwright_server.workers.backoff import BackOff
from batchwright_server.workers.entrance import WORKER
from batchwright_server.workers.link import Link, LinkLost

_log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # between two looks at a worker's counters; what is counted later dies with it
STARTING_LOOK_SECONDS = 0.05
_LOOKS_PER_METRICS = 5  # which are longer to render
ENDING_SECONDS = 35.0  # more than a worker takes to drain

MakeRole = Callable[[int], WorkerRole]  # what a worker started now is to be told


class Worker:
    """Keeps one process running until it is told to stop."""

    def __init__(self, index: int, arguments: Sequence[str], make_role: MakeRole) -> None:
        self.index = index
        self.restarts = 0
        self.is_ready = False
        self.link: Link | None = None  # to a process that answers
        self.signals: Signals | None = None  # of the present process, as they were last seen
        self.metrics = ""  # likewise
        self.document = ""  # that the present process serves, or is about to
        self.ended_early = asyncio.get_running_loop().create_future()  # how, before it was ever ready
        self.buried: Callable[[Worker], None] = _forget  # told before what was last seen is dropped
        self._arguments = tuple(arguments)
        self._make_role = make_role
        self._back_off = BackOff()
        self._process: asyncio.subprocess.Process | None = None
        self._was_ready = False
        self._is_ending = False
        self._one_look_at_a_time = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the present process."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process, and again whenever it ends, until `stop`."""
        self._running = asyncio.create_task(self._keep_running(), name=f"worker {self.index}")

    def end(self, number: int = signal.SIGTERM) -> None:
        """Tell the present process to end; another one takes its place unless `stop` was called."""
        if self._process and self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self) -> None:
        """Let the process finish what runs, and start no other."""
        self._is_ending = True
        if self._running is None:
            return
        if self._process is None or self._process.returncode is not None:
            self._running.cancel()
        self.end()
        _, late = await asyncio.wait({self._running}, timeout=ENDING_SECONDS)
        if late:
            _log.error("worker %s did not end in time and is killed", self.index)
            self.end(signal.SIGKILL)
            await asyncio.wait(late)

    async def look(self) -> None:
        """See what it counted by now; keeps what was seen before if it does not answer."""
        if self.link is not None:
            with suppress(LinkLost):
                await self._see(self.link, has_metrics=True)

    async def _see(self, link: Link, *, has_metrics: bool) -> None:
        async with self._one_look_at_a_time:  # an older answer that comes late would count backwards
            seen = await link.signals()
            metrics = await link.metrics() if has_metrics else self.metrics
            if self.link is link:
                self.signals, self.metrics = seen, metrics

    async def _keep_running(self) -> None:
        while True:
            began = time.monotonic()
            code = await self._run_once()
            if self._is_ending:
                return
            if not self._was_ready and not self.ended_early.done():
                self.ended_early.set_result(code)
            wait = self._back_off.after(time.monotonic() - began)
            _log.error("worker %s ended with %s; another in %g s", self.index, code, wait)
            await asyncio.sleep(wait)
            self.restarts += 1

    async def _run_once(self) -> int:
        role = self._make_role(self.index)
        self.document = role.document
        with suppress(FileNotFoundError):
            os.unlink(role.socket)  # of the one before
        # In a session of its own: an interrupt at a terminal is for the supervisor to pass on.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "batchwright_server",
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            env={**os.environ, WORKER: str(self.index)},
            start_new_session=True,
        )
        if self._process.stdin:  # stays open: when it closes, the worker ends
            self._process.stdin.write(role.model_dump_json().encode() + b"\n")
        watching = asyncio.create_task(self._watch(role.socket), name=f"worker {self.index}")
        try:
            return await self._process.wait()
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            self.buried(self)
            self.is_ready, self.link, self.signals, self.metrics = False, None, None, ""

    async def _watch(self, socket: str) -> None:
        async with Link(socket) as link:
            for count in itertools.count():
                with suppress(LinkLost):
                    self.is_ready = await link.is_ready()
                    self._was_ready = self._was_ready or self.is_ready
                    self.link = link
                    if self.is_ready:
                        await self._see(link, has_metrics=count % _LOOKS_PER_METRICS == 0)
                await asyncio.sleep(LOOK_SECONDS if self.is_ready else STARTING_LOOK_SECONDS)


def _forget(_worker: Worker) -> None:
    """Nothing is remembered."""
