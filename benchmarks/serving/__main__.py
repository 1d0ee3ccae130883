"""How fast the server is, side by side with others: `python -m benchmarks.serving [section …]`."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.serving import mixed, page, peers, sections
from benchmarks.serving.contest import Contest, Load

_CONTESTS: dict[str, Callable[[sections.Bench], Contest]] = {
    "resnet50": lambda bench: sections.compare_throughput(bench, "resnet50"),
    "resnet50-int8": lambda bench: sections.compare_throughput(bench, "resnet50-int8"),
    "mixed": lambda bench: mixed.compare(bench, "resnet50-int8"),
    "tiny": lambda bench: sections.compare_tiny(bench, 8),
    "latency": lambda bench: sections.compare_tiny(bench, 1),
    "peers-tiny": lambda bench: peers.compare(bench, "tiny"),
    "peers-resnet50": lambda bench: peers.compare(bench, "resnet50"),
}
_FOOTPRINT = "footprint"


def main() -> int:
    """The exit code: 1 if a ratio is below what is wanted."""
    options, console = _parse(), Console(stderr=True, width=110)
    contests: list[dict[str, Any]] = []
    footprint: dict[str, float] = {}
    load = Load()
    try:
        with tempfile.TemporaryDirectory(prefix="serving-") as home:
            tell = console.print
            bench = sections.Bench(
                Path(home), options.models, load, options.rounds, options.seconds, tell
            )
            for name in options.sections:
                if name == _FOOTPRINT:
                    footprint = sections.measure_footprint(bench)
                    continue
                contests.append(_CONTESTS[name](bench).report())
                console.print(_table(contests[-1]))
    finally:
        load.close()
    report = {"contests": contests, "footprint": footprint}
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(json.dumps(report, indent=2))
    options.report.with_suffix(".html").write_text(page.render(report))
    console.print(f"report: {options.report}, {options.report.with_suffix('.html')}")
    return int(
        any(each["is_reached"] is False for one in contests for each in one["contestants"].values())
    )


def _table(contest: dict[str, Any]) -> Table:
    table = Table(
        "", contest["unit"], "ratio (half of the rounds)", "wanted", "p50 ms", "p99 ms", "CPU µs"
    )
    for name, found in contest["contestants"].items():
        low, median, high = found["ratio"]
        table.add_row(
            name,
            f"{found['per_second'][1]:,.1f}",
            f"{median:.2f} ({low:.2f} to {high:.2f})",
            "" if found["wanted"] is None else f"{found['wanted']:.2f}",
            f"{found['p50_ms']:.2f}",
            f"{found['p99_ms']:.2f}",
            f"{found['server_cpu_us']:,.0f}",
        )
    table.title, table.caption = contest["title"], contest["note"]
    return table


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    every = [*_CONTESTS, _FOOTPRINT]
    parser.add_argument("sections", nargs="*", choices=[*every, []], default=every)
    parser.add_argument("--models", type=Path, default=Path("build/models"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn")
    parser.add_argument("--report", type=Path, default=Path("build/benchmarks/serving.json"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
