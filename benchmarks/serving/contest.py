"""Contestants measured side by side, in short turns: whatever else the machine does meets them all.

What counts is the ratio of two turns of the same round. A ratio is told with its median and the middle
half of all rounds.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.serving.loadclient import Job


@dataclass(frozen=True)
class Turn:
    """What a contestant did in one turn. Processor time in seconds, latencies in milliseconds."""

    per_second: float
    server_cpu: float = 0.0  # of all its processes, for each request
    client_cpu: float = 0.0  # of the load, in processors
    p50: float = 0.0
    p99: float = 0.0
    failures: int = 0


Take = Callable[[float], Turn]  # one turn of so many seconds


@dataclass
class Contest:
    """Turns of every contestant, round by round; ratios are to the reference."""

    title: str
    unit: str
    reference: str = ""
    note: str = ""
    targets: Mapping[str, float] = field(default_factory=dict)  # least median ratio wanted
    turns: dict[str, list[Turn]] = field(default_factory=dict)

    def run(
        self,
        contestants: Mapping[str, Take],
        rounds: int,
        seconds: float,
        until: float = float("inf"),
    ) -> None:
        """Let everybody take a turn, again and again; every other round in the opposite order.

        No round but the first begins after `until` on the monotonic clock.
        """
        names = list(contestants)
        for number in range(rounds):
            if number and time.monotonic() > until:
                return
            for name in names if number % 2 == 0 else reversed(names):
                self.turns.setdefault(name, []).append(contestants[name](seconds))

    def median(self, name: str) -> float:
        """What a contestant did in its median turn."""
        return statistics.median(turn.per_second for turn in self.turns[name])

    def ratios(self, name: str) -> list[float]:
        """To the reference, round by round."""
        pairs = zip(self.turns[name], self.turns[self.reference], strict=True)
        return [one.per_second / other.per_second for one, other in pairs if other.per_second]

    def report(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "title": self.title,
            "unit": self.unit,
            "reference": self.reference,
            "note": self.note,
            "contestants": {name: self._report(name) for name in self.turns},
        }

    def _report(self, name: str) -> dict[str, Any]:
        turns = self.turns[name]
        low, median, high = spread(self.ratios(name))
        wanted = self.targets.get(name)
        return {
            "per_second": spread([turn.per_second for turn in turns]),
            "ratio": (low, median, high),
            "wanted": wanted,
            "is_reached": None if wanted is None else median >= wanted,
            "server_cpu_us": statistics.median(turn.server_cpu for turn in turns) * 1e6,
            "client_processors": statistics.median(turn.client_cpu for turn in turns),
            "p50_ms": statistics.median(turn.p50 for turn in turns),
            "p99_ms": statistics.median(turn.p99 for turn in turns),
            "failures": sum(turn.failures for turn in turns),
            "turns": [turn.per_second for turn in turns],
        }


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    if len(values) < 2:
        only = values[0] if values else 0.0
        return only, only, only
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


class Load:
    """The process that asks (benchmarks/serving/loadclient.py)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serving.loadclient"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, job: Job, cpu_seconds: Callable[[], float], samples: Sequence[int] = (1,)) -> Turn:
        """A turn: what came of `job`, counted in samples; `cpu_seconds` reads what the server used."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the load has no standard input or output")
        before = cpu_seconds()
        stdin.write(json.dumps(job.__dict__) + "\n")
        stdin.flush()
        outcome = json.loads(stdout.readline())
        used = cpu_seconds() - before
        latencies = sorted(outcome["latencies"]) or [0.0]
        count = sum(n * size for n, size in zip(outcome["by_file"], samples, strict=True))
        share = outcome["seconds"] / (outcome["seconds"] + job.warmup_seconds)
        return Turn(
            per_second=count / outcome["seconds"],
            server_cpu=used * share / max(outcome["requests"], 1),
            client_cpu=outcome["cpu_seconds"] / outcome["seconds"],
            p50=1e3 * latencies[len(latencies) // 2],
            p99=1e3 * latencies[int(len(latencies) * 0.99)],
            failures=outcome["failures"],
        )

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
