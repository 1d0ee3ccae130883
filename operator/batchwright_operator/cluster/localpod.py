"""One pod as a process of this machine: started, probed, restarted with back-off, ended."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from batchwright_operator.cluster import probe
from batchwright_operator.cluster.process import PodProcess
from batchwright_operator.cluster.template import PodTemplate, expand
from batchwright_operator.reconcile.observed import Phase, Pod

# The wait before a restart, by the deaths in a row: the first is healed at once.
BACK_OFF_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STABLE_SECONDS = 10.0  # ready for so long, a pod's earlier deaths are forgotten
_PROBE_SECONDS = 2.0  # between probes of a ready pod; one that is not is probed at every look
_PROBE_TIMEOUT_SECONDS = 2.0
_PROBE_FAILURES = 2  # in a row, until a ready pod is called unready

ENTRY_POINT = (sys.executable, "-m", "batchwright_server")

Clock = Callable[[], float]


@dataclass(frozen=True)
class Place:
    """Who a pod is and where it lives."""

    name: str
    index: int
    directory: Path
    entry_point: tuple[str, ...] = ENTRY_POINT

    @property
    def ip(self) -> str:
        """An address of its own, as on a cluster; all of 127/8 is this machine."""
        return f"127.0.0.{1 + self.index}"

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.directory / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Where its process's number is kept, for whoever comes after a crash."""
        return self.directory / f"{self.name}.pid"


class LocalPod:
    """One pod. `clock` gives seconds that never go back."""

    def __init__(self, place: Place, template: PodTemplate, clock: Clock) -> None:
        self.place = place
        self.template = template
        self._clock = clock
        self._process: PodProcess | None = None
        self._deaths = 0  # in a row
        self._failed_starts = 0
        self._restarts = -1  # the first start is none
        self._start_at = clock()
        self._ready_since: float | None = None
        self._probe_at = 0.0
        self._probe_failures = 0
        self._kill_at: float | None = None
        self._reason = ""
        self._steps_done = 0  # of what runs before the server, once in a pod's life
        self._unfetched = ""

    @property
    def is_ready(self) -> bool:
        """Whether its last probes were answered."""
        return self._ready_since is not None and not self.is_terminating

    @property
    def is_terminating(self) -> bool:
        """Whether it has been told to end."""
        return self._kill_at is not None

    @property
    def is_gone(self) -> bool:
        """Whether it was told to end and has."""
        return self.is_terminating and not self._is_running

    @property
    def _is_running(self) -> bool:
        return self._process is not None and self._process.is_running

    @property
    def _is_preparing(self) -> bool:
        return self._steps_done < len(self.template.steps)

    def to_pod(self) -> Pod:
        """The pod as the controller sees it."""
        is_serving = self._is_running and not self._is_preparing
        running = Phase.RUNNING if is_serving else Phase.PENDING
        return Pod(
            name=self.place.name,
            ip=self.place.ip,
            phase=Phase.TERMINATING if self.is_terminating else running,
            admin_port=self.template.admin_port,
            template=self.template.mark,
            ready=self.is_ready and self._is_running,
            restarts=max(0, self._restarts),
            failed_starts=self._failed_starts,
            reason=self._reason,
            unfetched=self._unfetched,
        )

    async def step(self) -> None:
        """Look at the process once and do what is due."""
        now = self._clock()
        if self._process is not None and not self._process.is_running:
            note = self._note_step if self._is_preparing else self._note_death
            note(self._process.ending, now)
            self._process = None
        if self.is_terminating:
            self._kill_if_late(now)
        elif self._process is None and now >= self._start_at:
            await self._start()
        elif self._is_running and now >= self._probe_at and not self._is_preparing:
            await self._probe()

    def terminate(self, grace_seconds: float) -> None:
        """Ask it to end, and see to it that it has after `grace_seconds`."""
        if self._process is not None and not self.is_terminating:
            self._process.terminate()
        self._kill_at = self._clock() + grace_seconds

    async def wait(self) -> None:
        """Return when its process, if any, has ended."""
        if self._process is not None:
            await self._process.wait()
        self.place.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End its process now."""
        self._kill_at = self._clock()
        if self._process is not None:
            self._process.kill()

    def _kill_if_late(self, now: float) -> None:
        if self._process is None:
            self.place.pid_file.unlink(missing_ok=True)
        elif self._kill_at is not None and now >= self._kill_at:
            self._process.kill()

    def _note_step(self, ending: str, now: float) -> None:
        failure = Path(expand(self.template.failure_file, self._environment()))
        if ending == "exit code 0":
            self._steps_done, self._unfetched, self._deaths, self._start_at = (
                self._steps_done + 1, "", 0, now
            )  # fmt: skip
        else:
            self._unfetched = failure.read_text() if failure.is_file() else ending
            self._plan_restart(ending, now)
        failure.unlink(missing_ok=True)

    def _note_death(self, ending: str, now: float) -> None:
        was_ready, self._ready_since = self._ready_since, None
        if was_ready is not None and now - was_ready >= STABLE_SECONDS:
            self._deaths = 0
        if was_ready is not None:
            self._failed_starts = -1
        self._plan_restart(ending, now)

    def _plan_restart(self, reason: str, now: float) -> None:
        self._reason = reason
        self._failed_starts += 1
        wait = BACK_OFF_SECONDS[min(self._deaths, len(BACK_OFF_SECONDS) - 1)]
        self._deaths += 1
        self._start_at = now + wait

    async def _start(self) -> None:
        environment, template = self._environment(), self.template
        command = template.command or self.place.entry_point
        texts = template.steps[self._steps_done] if self._is_preparing else template.args
        args = tuple(expand(text, environment) for text in texts)
        self._probe_failures = 0
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
        try:
            self._process = await PodProcess.start((*command, *args), environ, self.place.log)
        except (OSError, ValueError) as error:  # ValueError: a text that no process can be given
            self._plan_restart(f"cannot start {command[0]}: {error}", self._clock())
            return
        finally:
            self._restarts += not self._is_preparing
        self.place.pid_file.write_text(f"{self._process.pid}\n")
        if self.is_terminating:  # told to end while it was being started
            self._process.terminate()

    def _environment(self) -> dict[str, str]:
        return self.template.environment(
            {"metadata.name": self.place.name, "status.podIP": self.place.ip}
        )

    async def _probe(self) -> None:
        path, port = self.template.ready_path, self.template.admin_port
        answered = await probe.is_answering(
            self.place.ip, port, path, timeout_seconds=_PROBE_TIMEOUT_SECONDS
        )
        now = self._clock()
        self._probe_failures = 0 if answered else self._probe_failures + 1
        if answered:
            self._ready_since = self._ready_since if self._ready_since is not None else now
            self._failed_starts = 0
        elif self._probe_failures >= _PROBE_FAILURES:
            self._ready_since = None
        self._probe_at = now + _PROBE_SECONDS if answered else now
