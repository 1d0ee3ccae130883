"""What is compared with what."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.serving import messages, servers
from benchmarks.serving.contest import Contest, Load, Take, Turn
from benchmarks.serving.loadclient import Job
from benchmarks.serving.messages import Subject

QUIET = {"calibration": {"enabled": False}}
OPTIMUM: Mapping[str, Any] = {"strategy": "fixed", "streams": "optimum", **QUIET}
_COALESCED: Mapping[str, Any] = {
    "strategy": "demultiplex",
    "coalesce": {"max_batch_size": 8},
    **QUIET,
}
SIZES = tuple(range(1, 17))


@dataclass(frozen=True)
class Bench:
    """Where everything is, and how long to measure."""

    home: Path
    models: Path
    load: Load
    rounds: int
    seconds: float
    tell: Callable[[str], None]

    def subject(self, name: str) -> Subject:
        """A sample model."""
        if name == "tiny":
            return Subject(name, self.models / name, "input", (64,))
        return Subject(name, self.models / name, "0", (3, 224, 224))

    def predict(self, server: servers.Server, files: tuple[str, ...], clients: int) -> Take:
        """Turns of clients that send Predict; counted in samples where the files are of all sizes."""
        sizes = SIZES if len(files) == len(SIZES) else (1,) * len(files)

        def take(seconds: float) -> Turn:
            target = f"127.0.0.1:{server.port}"
            job = Job("grpc", target, messages.PREDICT, files, clients, seconds, warmup_seconds=0.3)
            return self.load.ask(job, server.cpu_seconds, sizes)

        return take


def compare_throughput(bench: Bench, model: str) -> Contest:
    """One image a request, 8 clients, against OpenVINO's own benchmark without any server."""
    note = (
        "the load takes its part of the same processors: 'without the load' is the ratio to what the "
        "what the benchmark would do with the rest of them"
    )
    with ExitStack() as stack:
        subject = bench.subject(model)
        server = servers.start_ours(bench.home, [subject], OPTIMUM)
        stack.callback(server.close)
        file = messages.write_predict(bench.home, subject, 1)
        contest = Contest(
            f"{model}, one image a request, 8 clients",
            "images/s",
            "benchmark_app",
            note,
            {"batchwright": 0.95},
        )
        turns: dict[str, Take] = {
            "benchmark_app": partial(_run_benchmark_app, subject),
            "batchwright": bench.predict(server, (file,), 8),
        }
        contest.run(turns, bench.rounds, max(bench.seconds, 3.0))
    ours = contest.turns["batchwright"]
    contest.turns["batchwright, without the load"] = [_without_load(turn) for turn in ours]
    return contest


def _without_load(turn: Turn) -> Turn:
    """What the server would do with the processors that the load took."""
    processors = len(os.sched_getaffinity(0))
    left = max(processors - turn.client_cpu, 0.1)
    return replace(turn, per_second=turn.per_second * processors / left)


def compare_tiny(bench: Bench, clients: int) -> Contest:
    """The smallest model: what is left is the server itself."""
    subject = bench.subject("tiny")
    file = (messages.write_predict(bench.home, subject, 1),)
    title = f"tiny model, {clients} client{'s' if clients > 1 else ''}"
    targets = {"batchwright": 0.7} if clients > 1 else {}
    contest = Contest(title, "requests/s", "bare echo", targets=targets)
    with ExitStack() as stack:
        bare = servers.start_bare(bench.home, messages.write_answer(bench.home, subject, 1, 10))
        ours = servers.start_ours(bench.home, [subject], OPTIMUM)
        joined = servers.start_ours(bench.home, [subject], _COALESCED)
        two = servers.start_ours(bench.home, [subject], OPTIMUM, "--workers", "2")
        for server in (bare, ours, joined, two):
            stack.callback(server.close)
        turns = {
            "bare echo": bench.predict(bare, file, clients),
            "batchwright": bench.predict(ours, file, clients),
            "batchwright, coalescing": bench.predict(joined, file, clients),
            "batchwright, 2 workers": bench.predict(two, file, clients),
        }
        contest.run(turns, 3 * bench.rounds, bench.seconds / 3)
    return contest


def measure_footprint(bench: Bench) -> dict[str, float]:
    """Start to ready in seconds, memory in MiB: idle, under load, and for one model more."""
    tiny, resnet = bench.subject("tiny"), bench.subject("resnet50")
    found: dict[str, float] = {}
    for name, subjects in (("tiny", [tiny]), ("tiny and resnet50", [tiny, resnet])):
        server = servers.start_ours(bench.home, subjects, OPTIMUM)
        try:
            found[f"{name}: start to ready, s"] = server.ready_seconds
            found[f"{name}: idle, MiB"] = server.resident()
            file = messages.write_predict(bench.home, subjects[-1], 1)
            bench.predict(server, (file,), 8)(bench.seconds)
            found[f"{name}: under load, MiB"] = server.resident()
        finally:
            server.close()
    more = found["tiny and resnet50: idle, MiB"] - found["tiny: idle, MiB"]
    return found | {"one model more (resnet50): MiB": more}


def _run_benchmark_app(subject: Subject, seconds: float) -> Turn:
    program = str(Path(sys.executable).with_name("benchmark_app"))
    command = [program, "-m", str(subject.xml), "-d", "CPU", "-hint", "throughput"]
    told = subprocess.run(  # noqa: S603  comes with OpenVINO
        [*command, "-t", str(round(seconds))], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"Throughput:\s+([\d.]+) FPS", told)
    if found is None:
        raise RuntimeError(f"benchmark_app told no throughput: {told[-1000:]}")
    return Turn(float(found[1]))
