"""One container as a process of this machine: started, probed, restarted, ended."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.support.cluster.apiclient import ApiError, Object
from tests.support.cluster.daemon import leashed
from tests.support.cluster.kubelet.orders import Orders
from tests.support.cluster.kubelet.payloads import ConfigFault, NotYet
from tests.support.cluster.kubelet.podstatus import ContainerState, Termination, now
from tests.support.cluster.kubelet.probes import Probe
from tests.support.cluster.kubelet.programs import Program

_LONGEST_BACK_OFF = 300.0
_STABLE = 60.0  # in back-offs: who ran so long before it died is restarted at once
_RETRY_SECONDS = 0.2
_LEAST_GRACE = 2.0  # after preStop, as a real kubelet gives


@dataclass(frozen=True)
class Ground:
    """What a container needs of its pod."""

    http: aiohttp.ClientSession
    orders: Callable[[], Orders]
    address: str  # on loopback
    log: Path
    prepare: Callable[[], Awaitable[Program]]  # refreshed volumes, and the command; raises NotYet
    tell: Callable[[], None]  # that the state has changed
    restart_policy: str = "Always"
    termination_log: Path | None = None  # what /dev/termination-log is here


class Container:
    """One container. `run` it in a task, and `end` it."""

    def __init__(self, block: Object, ground: Ground) -> None:
        self.state = ContainerState(block["name"], block["image"])
        self._block = block
        self._ground = ground
        self._process: asyncio.subprocess.Process | None = None
        self._ending = asyncio.Event()
        self._failed_probe = ""
        self._deaths = 0

    async def run(self, grace_seconds: float) -> None:
        """Keep a process running until `end`; one that fails its probes gets `grace_seconds`."""
        while not self._ending.is_set():
            program = await self._prepared()
            if program is None or self._ending.is_set():
                break
            began = time.monotonic()
            code = await self._live(program, grace_seconds)
            how = self._describe(code)
            if self._ending.is_set() or self._is_done(code):
                self.state.ended = how
                break
            self.state.last = how
            await self._back_off(time.monotonic() - began)
        self.state.ready = self.state.started = False
        if self.state.ended is None:  # it never ran, or not any more
            self.state.ended = self.state.last or Termination(0, "Completed", now(), now())
        self._ground.tell()

    async def end(self, grace_seconds: float) -> None:
        """Run the preStop hook, ask the process to end, and kill it after the grace period."""
        self._ending.set()
        await self._end_process(grace_seconds)

    def kill(self) -> None:
        """End it now."""
        self._ending.set()
        self._signal(signal.SIGKILL)

    async def _prepared(self) -> Program | None:
        while not self._ending.is_set():
            if self.state.image in self._ground.orders().broken_images:
                self.state.wait("ImagePullBackOff", f'Back-off pulling image "{self.state.image}"')
            else:
                try:
                    return await self._ground.prepare()
                except ConfigFault as error:
                    self.state.wait("CreateContainerConfigError", str(error))
                except (NotYet, ApiError, OSError, TimeoutError, aiohttp.ClientError) as error:
                    self.state.wait("ContainerCreating", str(error))
            self._ground.tell()
            await self._pause(_RETRY_SECONDS)
        return None

    async def _live(self, program: Program, grace_seconds: float) -> int:
        self._failed_probe = ""
        self._ground.log.parent.mkdir(parents=True, exist_ok=True)
        with self._ground.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *leashed(program.command),
                env=dict(program.environ),
                cwd=self._ground.log.parent,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.state.run(self._process.pid)
        self._ground.tell()
        watching = asyncio.create_task(self._watch(grace_seconds))
        try:
            return await self._process.wait()
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, grace_seconds: float) -> None:
        if not await self._probe("startupProbe").wait_for_success():
            await self._fail("startup probe failed", grace_seconds)
            return
        self.state.started = True
        self._ground.tell()
        failed = asyncio.Event()
        async with asyncio.TaskGroup() as probing:
            probing.create_task(self._probe("readinessProbe").run(self._set_ready))
            probing.create_task(
                self._probe("livenessProbe").run(lambda good: None if good else failed.set())
            )
            await failed.wait()
            if not self._ending.is_set():  # who is told to end need not prove that it lives
                await self._fail("liveness probe failed", grace_seconds)

    def _probe(self, name: str) -> Probe:
        return Probe(self._block, name, self._ground.address, self._ground.http)

    def _set_ready(self, is_ready: bool) -> None:
        if self.state.ready != is_ready:
            self.state.ready = is_ready
            self._ground.tell()

    async def _fail(self, why: str, grace_seconds: float) -> None:
        self._failed_probe = why
        self._set_ready(False)
        await self._end_process(grace_seconds)

    async def _end_process(self, grace_seconds: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        deadline = time.monotonic() + grace_seconds
        hook = self._block.get("lifecycle", {}).get("preStop", {})
        if await self._ended_within(
            process, min(hook.get("sleep", {}).get("seconds", 0), grace_seconds)
        ):
            return
        self._signal(signal.SIGTERM)
        if not await self._ended_within(process, max(_LEAST_GRACE, deadline - time.monotonic())):
            self._signal(signal.SIGKILL)

    async def _ended_within(self, process: asyncio.subprocess.Process, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
        return process.returncode is not None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                if number is signal.SIGKILL:
                    os.killpg(self._process.pid, number)
                else:
                    self._process.send_signal(number)

    def _is_done(self, code: int) -> bool:
        policy = self._ground.restart_policy
        return policy == "Never" or (policy == "OnFailure" and code == 0)

    def _describe(self, code: int) -> Termination:
        shown = code if code >= 0 else 128 - code  # as a shell and a runtime count signals
        reason = "Completed" if code == 0 else "Error"
        message = self._failed_probe or self._last_message()
        return Termination(shown, reason, self.state.running_since or now(), now(), message)

    def _last_message(self) -> str:
        path = self._ground.termination_log
        if path is None or not path.is_file():
            return ""
        message = path.read_text()[:4096]
        path.unlink()  # each life of a container has a log of its own
        return message

    async def _back_off(self, lived_seconds: float) -> None:
        first = self._ground.orders().back_off_seconds
        if lived_seconds > first * _STABLE:
            self._deaths = 0
        wait = min(first * 2 ** (self._deaths - 1), _LONGEST_BACK_OFF) if self._deaths else 0.0
        self._deaths += 1
        self.state.restarts += 1
        self.state.wait("CrashLoopBackOff", f"back-off {wait:.1f}s restarting failed container")
        self._ground.tell()
        await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)
