"""Rounds of real runs, plan by plan and side by side with what the simulator says of each."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from batchwright_operator.pods.client import HttpPodClient
from batchwright_server.config.plan import Plan
from benchmarks.policy.profiles import Profile
from benchmarks.policy.real import cases, clients, processors
from benchmarks.policy.real.cases import POLICY, Case
from benchmarks.policy.real.processors import Foreign
from benchmarks.policy.real.server import ModelSetup, RealServer, Steering, to_profile
from benchmarks.policy.replay import Move, Outcome
from benchmarks.policy.scripts import Tape
from benchmarks.policy.suite import USUAL
from benchmarks.serving import messages
from benchmarks.serving.messages import Subject

LEAST_LEFT = 0.05  # processors, by which a run is told that hardly had any


@dataclass(frozen=True)
class Run:
    """One trace under one plan, or under the policy, in one round; costs by the script's windows."""

    case: Case
    round: int
    name: str
    real: tuple[float, ...]
    simulated: Outcome
    disturbed: Outcome  # simulated with the processors that others left
    moves: tuple[Move, ...]  # of the real policy
    work: float  # processor seconds of the real server
    foreign: float  # processors that other programs used meanwhile
    measured_foreign: float = 0.0  # and while the server measured its plans


@dataclass(frozen=True)
class Program:
    """What is to be run."""

    subjects: tuple[Subject, ...]
    traces: tuple[str, ...]
    rounds: int
    window_seconds: int
    most_seconds: float  # of a trace under its worst plan, as simulated
    patience_seconds: float  # before each run, for other programs to leave the machine alone


@dataclass
class Replays:
    """All rounds; every other one in the opposite order."""

    program: Program
    home: Path
    tell: Callable[[str], None]  # what is run next
    _cases: dict[tuple[str, str], Case] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many runs there will be."""
        program = self.program
        each = len(program.subjects) * len(program.traces) * len(cases.contestants())
        return program.rounds * each

    def run(self) -> Iterator[Run]:
        """Every run, as soon as it is there."""
        for number in range(self.program.rounds):
            for subject in self.program.subjects:
                yield from self._round(number, subject)

    def _round(self, number: int, subject: Subject) -> Iterator[Run]:
        """A server measures its plans anew; then every plan serves every trace, each by a new server."""
        with tempfile.TemporaryDirectory(dir=self.home) as calibration:
            setup = ModelSetup(subject, USUAL, Path(calibration))
            self.tell(f"{subject.name}: measuring its plans")
            profile, foreign = asyncio.run(self._measure(setup))
            for trace in self.program.traces:
                case = self._case(trace, profile)
                files = [messages.write_predict(self.home, subject, size) for size in case.sizes]
                asked = {
                    size: Path(file).read_bytes() for size, file in zip(case.sizes, files, strict=True)
                }
                for file in files:
                    os.unlink(file)
                names = cases.contestants()
                for name in names if number % 2 == 0 else reversed(names):
                    self.tell(f"{subject.name} {trace} {name}")
                    serving = _Serving(self.home, setup, case, asked)
                    asyncio.run(processors.wait_quiet(self.program.patience_seconds))
                    run = asyncio.run(serving.run(name, number, profile))
                    yield replace(run, measured_foreign=foreign)

    async def _measure(self, setup: ModelSetup) -> tuple[Profile, float]:
        """What a server finds its plans to cost, and what others took of the machine meanwhile."""
        await processors.wait_quiet(self.program.patience_seconds)
        server, pods = RealServer(self.home, setup, USUAL[0]), HttpPodClient()
        others = Foreign(server.cpu_seconds)
        try:
            told = await server.wait_measured(pods)
            return to_profile(setup.subject.name, told), others.processors()
        finally:
            server.close()
            await pods.close()

    def _case(self, trace: str, profile: Profile) -> Case:
        """The same requests in all rounds: made by the costs of the first."""
        key = trace, profile.name
        if key not in self._cases:
            program = self.program
            self._cases[key] = cases.make(trace, profile, program.window_seconds, program.most_seconds)
        return self._cases[key]


@dataclass(frozen=True)
class _Serving:
    """A case for a server of its own."""

    home: Path
    setup: ModelSetup
    case: Case
    messages: dict[int, bytes]

    async def run(self, name: str, number: int, profile: Profile) -> Run:
        """One plan in one round, beside what the simulator makes of it with these costs."""
        plan = USUAL[0] if name == POLICY else Plan.parse(name)
        server, pods = RealServer(self.home, self.setup, plan), HttpPodClient()
        try:
            await server.wait_measured(pods)
            steering = Steering(server, pods, self.case.rules, self.case.tick_seconds)
            others, work = Foreign(server.cpu_seconds), server.cpu_seconds()
            windows = await self._ask(server, plan, steering if name == POLICY else None)
            work, foreign = server.cpu_seconds() - work, others.processors()
            left = max(LEAST_LEFT, profile.cores - foreign)
            return Run(
                self.case,
                number,
                name,
                real=windows,
                simulated=self.case.simulate(profile, name),
                disturbed=self.case.simulate(profile, name, left),
                moves=tuple(steering.moves),
                work=work,
                foreign=foreign,
            )
        finally:
            server.close()
            await pods.close()

    async def _ask(self, server: RealServer, plan: Plan, steering: Steering | None) -> tuple[float, ...]:
        async with AsyncExitStack() as stack:
            senders = [
                await clients.connect(stack, server.port, self.messages)
                for _ in range(self.case.clients)
            ]
            asking = clients.Clients(Tape(self.case.items), plan, senders)
            steer = asyncio.create_task(steering.run()) if steering is not None else None
            windows = await asking.run()
            if steer is not None:
                await _end(steer)
            return windows


async def _end(steering: asyncio.Task[None]) -> None:
    """End the policy; what it failed by is raised."""
    steering.cancel()
    done, _ = await asyncio.wait([steering])
    for task in done:
        if not task.cancelled():
            task.result()
