"""`python -m benchmarks.policy.real`: traces on real servers, beside what the simulator says of them.

Each round a server measures its plans anew, then every plan and the policy serve every trace, each by a
fresh server. Real and simulated cost, their ratio and the policy's real regret go to real.json and into
the report's page.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.policy import deep_model, measure, report
from benchmarks.policy.real import cases, comparison
from benchmarks.policy.real.runs import Program, Replays, Run
from benchmarks.serving.messages import Subject

MODELS = ("resnet50-int8", "deep", "tiny")


def main() -> int:
    """Run all rounds, and write what came of them."""
    options, console = _parse(), Console(stderr=True, width=110)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: its servers end with it
    program = Program(
        subjects=tuple(_subject(name, options) for name in options.model or MODELS[:2]),
        traces=tuple(options.trace or cases.NAMES),
        rounds=options.rounds,
        window_seconds=options.window,
        most_seconds=options.seconds,
        patience_seconds=options.patience,
    )
    told = _Report(options.out, _read(options.out / report.REAL), [os.getloadavg()[0]])
    with tempfile.TemporaryDirectory(prefix="policy-") as home, _progress(console) as bar:
        task = bar.add_task("")
        replays = Replays(program, Path(home), lambda text: bar.update(task, description=text))
        bar.update(task, total=replays.count)
        for run in replays.run():
            told.add(run)
            bar.advance(task)
            bar.print(_line(run))
    for case in told.cases():
        console.print(_table(case))
    console.print(f"{options.out / report.REAL}, {options.out / 'report.html'}")
    return 0


@dataclass
class _Report:
    """What came so far, always written: many minutes are not to be lost with the last one."""

    out: Path
    before: list[dict[str, Any]]  # cases that are there
    loads: list[float]
    runs: list[Run] = field(default_factory=list)

    def add(self, run: Run) -> None:
        """One more."""
        self.runs.append(run)
        self.loads.append(os.getloadavg()[0])
        self.out.mkdir(parents=True, exist_ok=True)
        models = {one.case.model for one in self.runs}
        others = [case for case in self.before if case["model"] not in models]
        document = {"cases": [*others, *self.cases()]}
        (self.out / report.REAL).write_text(json.dumps(document, indent=1) + "\n")
        report.write_page(self.out)

    def cases(self) -> list[dict[str, Any]]:
        """By model and trace, each with the machine and its load."""
        machine = measure.machine(os.cpu_count() or 1)
        load = [round(min(self.loads), 1), round(max(self.loads), 1)]
        found = comparison.to_document(self.runs)
        return [{**case, "machine": {**machine, "load": load}} for case in found]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy.real", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/policy"), help="where the report is")
    parser.add_argument("--models", type=Path, default=Path("build/models"), help="by make models")
    parser.add_argument("--model", action="append", choices=MODELS, help="only these; others stay")
    parser.add_argument(
        "--trace", action="append", help=f"only these; otherwise {' '.join(cases.NAMES)}"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=int, default=10, help="seconds of the policy's window")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of a trace under its worst plan, as simulated"
    )
    parser.add_argument(
        "--patience", type=float, default=0.0, help="seconds before each run, for others to be quiet"
    )
    return parser.parse_args()


def _read(file: Path) -> list[dict[str, Any]]:
    return list(json.loads(file.read_text())["cases"]) if file.is_file() else []


def _subject(name: str, options: argparse.Namespace) -> Subject:
    if name == "deep":
        folder = options.out / name
        deep_model.save(folder)
        side = deep_model.SIDE
        return Subject(name, folder, "input", (deep_model.CHANNELS, side, side))
    folder = options.models / name
    if name == "tiny":
        return Subject(name, folder, "input", (64,))
    return Subject(name, folder, "0", (3, 224, 224))


def _progress(console: Console) -> Progress:
    bar = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*bar, TextColumn("{task.description}"), console=console)


def _line(run: Run) -> str:
    real, alone, disturbed = sum(run.real), run.simulated.total, run.disturbed.total
    return (
        f"{run.case.model:14} {run.case.trace:10} round {run.round + 1}  {run.name:20} "
        f"real {real:6.1f} s  simulated {alone:6.1f} s  x {real / alone:5.2f}, with what "
        f"was left x {real / disturbed:5.2f}  work x {run.work / run.simulated.work:5.2f}  "
        f"{len(run.moves)} moves  others {run.foreign:.1f}"
    )


def _table(case: dict[str, Any]) -> Table:
    table = Table(
        "",
        "real s",
        "simulated s",
        "ratio (half of the rounds)",
        "with what was left",
        "of work",
        "others",
    )
    for name, plan in case["plans"].items():
        low, median, high = plan["ratio"]
        table.add_row(
            name,
            f"{plan['real'][1]:.1f}",
            f"{plan['simulated'][1]:.1f}",
            f"{median:.2f} ({low:.2f} to {high:.2f})",
            f"{plan['disturbedRatio'][1]:.2f}",
            f"{plan['workRatio'][1]:.2f}",
            f"{plan['foreignProcessors'][1]:.1f}",
        )
    regrets = [
        f"{kind} regret {100 * found[1]:.1f} % ({100 * found[0]:.1f} to {100 * found[2]:.1f})"
        for kind, found in (("real", case["regret"]), ("simulated", case["simulatedRegret"]))
        if found
    ]
    table.title = f"{case['model']}, {case['trace']} ({case['requests']} requests)"
    table.caption = ", ".join(regrets)
    return table


if __name__ == "__main__":
    raise SystemExit(main())
