"""How the operator does with thousands of ModelServers: `python -m benchmarks.operator_scale`.

A real control plane, the operator as a process with its chart's rights, and ModelServers without pods;
one more has pods that only speak the admin protocol (`tests/support/cluster/lightnode.py`).
"""

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import ranges
from benchmarks.scale import phases, population
from benchmarks.scale.audit import AuditTail
from benchmarks.scale.phases import Bench, Tell
from tests.support.cluster import binaries
from tests.support.cluster.controlplane import ControlPlane
from tests.support.cluster.lightnode import light_node
from tests.support.cluster.operatorprocess import Operators
from tests.support.operator_process import PROGRAM, OperatorProcess

NAMESPACE = "scale-operator"
IDLE_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    objects: int
    pods: int
    report: Path
    profile: Path | None

    @property
    def program(self) -> tuple[str, ...]:
        """What Python runs as the operator."""
        if self.profile is None:
            return PROGRAM
        return ("-m", "benchmarks.scale.profiled_operator", str(self.profile))


def main() -> int:
    """The exit code: 1 if a figure is out of its range."""
    options, console = _parse(), Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="scale-") as home,
        Progress(*columns, console=console) as bars,
    ):
        figures, details = asyncio.run(_measure(options, Path(home), bars))
    wanted = ranges.load_ranges(f"operator_scale_{options.objects}")
    console.print(_table(figures, wanted))
    outside = ranges.find_outside(figures, wanted) if options.profile is None else []
    report = {"objects": options.objects, "figures": figures, "details": details, "outside": outside}
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=2))
    for sentence in outside:
        console.print(sentence, style="bold red")
    return 1 if outside else 0


async def _measure(
    options: Options, home: Path, bars: Progress
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    plane = ControlPlane(home, binaries.find_or_build(bars.console.print))
    async with AsyncExitStack() as stack:
        stack.callback(plane.stop)
        plane.start()
        api = await stack.enter_async_context(plane.client())
        await api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        await population.create_namespaces(api, options.objects)
        node = await stack.enter_async_context(light_node(api, home))
        operators = Operators(plane, NAMESPACE, home, everywhere=True)
        stack.callback(operators.end)

        def start() -> OperatorProcess:
            # Alone: on a machine that others use too, a lease may be lost for want of time.
            given = ("--no-leader-election", f"--pod-addresses={node.addresses_file}")
            return operators.start(*given, program=options.program)

        calls = AuditTail(plane.audit_log, f"system:serviceaccount:{NAMESPACE}:")
        bench = Bench(api, start(), calls, options.objects)
        await phases.measure_creation(bench, _bar(bars, "rendered"))
        await phases.measure_idleness(bench, IDLE_SECONDS, _bar(bars, "idle seconds"))
        await phases.measure_change(bench, options.pods, _bar(bars, f"edits, {options.pods} pods"))
        await phases.end(bench)
        await phases.measure_restart(bench, start, _bar(bars, "known again"))
        return bench.figures, bench.details


def _bar(bars: Progress, text: str) -> Tell:
    task = bars.add_task(text, total=None)
    return lambda done, total: bars.update(task, completed=done, total=total)


def _table(figures: dict[str, float], wanted: dict[str, ranges.Range]) -> Table:
    table = Table("figure", "measured", "at most")
    for name, value in sorted(figures.items()):
        most = f"{wanted[name].most:.4g}" if name in wanted else ""
        table.add_row(name, f"{value:.4g}", most)
    return table


def _parse() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operator_scale", description=__doc__)
    parser.add_argument("--objects", type=int, choices=[100, 300, 1000, 5000], default=1000)
    parser.add_argument("--pods", type=int, default=50, help="of the one ModelServer that is edited")
    parser.add_argument("--report", type=Path, default=Path("build/benchmarks/operator_scale.json"))
    parser.add_argument("--profile", type=Path, help="run the operator under cProfile, into this file")
    return Options(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
