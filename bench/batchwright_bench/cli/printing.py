"""Results on the terminal and in files."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from batchwright_bench.figures.comparison import Row
from batchwright_bench.figures.histogram import Histogram
from batchwright_bench.figures.outcomes import PERCENTILES, Outcome, Result
from batchwright_bench.strategies.choice import Choice, Trial

_COLUMNS = ("intended_seconds", "sent_seconds", "done_seconds", "batch_size", "code", "is_timed")


def say(text: str = "") -> None:
    """A line as benchmark_app has them."""
    click.echo(f"[ INFO ] {text}" if text else "")


def say_result(result: Result, iterations: str = "iterations") -> None:
    """Counts, latencies and throughput with benchmark_app's words."""
    histogram = result.histogram
    say(f"Count:            {result.requests} {iterations}")
    say(f"Duration:         {1000 * result.seconds:.2f} ms")
    for code, count in sorted(result.failures.items()):
        say(f"Failed:           {count} {code}")
    if not result.requests:
        return
    say("Latency:")
    lines = {
        "Median": histogram.percentile(50),
        "Average": histogram.mean,
        "Min": histogram.percentile(0),
        "Max": histogram.percentile(100),
        **{f"{percent:g} %": histogram.percentile(percent) for percent in PERCENTILES[1:]},
    }
    for name, milliseconds in lines.items():
        say(f"   {name + ':':<15}{milliseconds:.2f} ms")
    _say_groups(result)
    speed = result.samples_per_second
    say(f"Throughput:       {speed.value:.2f} FPS (95 %: {speed.low:.2f} to {speed.high:.2f})")


def _say_groups(result: Result) -> None:
    groups = {size: Histogram(found) for size, found in result.latencies_by_batch_size.items()}
    if len(groups) < 2:
        return
    say("Latency for each batch size:")
    for size, histogram in groups.items():
        median, tail = histogram.percentile(50), histogram.percentile(99)
        say(f"   {size:>5}: {histogram.total:>7} times, median {median:.2f} ms, 99 % {tail:.2f} ms")


def show_comparison(first: Result, second: Result, rows: Iterable[Row]) -> None:
    """A table of both."""
    titles = (f"A: {escape(first.title)}", f"B: {escape(second.title)}")
    table = Table("", *titles, "B / A (95 %)", "B is")
    for row in rows:
        change = row.change
        ratio = f"{change.value:.3f} ({change.low:.3f} to {change.high:.3f})"
        table.add_row(row.name, str(row.first), str(row.second), ratio, row.verdict.value)
    if first.failures or second.failures:
        table.add_row("failed requests", *map(_failures, (first, second)))
    _console().print(table)


def _failures(result: Result) -> Text:
    return Text(", ".join(f"{count} {code}" for code, count in sorted(result.failures.items())) or "0")


def show_trials(trials: Sequence[Trial], choice: Choice) -> None:
    """A table of the strategies, and the recommendation."""
    heads = ("strategy", "samples/s (95 %)", "median ms", "99 % ms", "reloads", "CPU s", "")
    table = Table(*heads)
    for trial in trials:
        table.add_row(trial.strategy.value, *_cells(trial), Text(_remark(trial, choice)))
    _console().print(table)
    click.echo(choice.sentence)


def _cells(trial: Trial) -> tuple[str, ...]:
    if trial.result is None:
        return ("-",) * 5
    histogram = trial.result.histogram
    latencies = (f"{histogram.percentile(percent):.1f}" for percent in (50.0, 99.0))
    speed = str(trial.result.samples_per_second)
    return (speed, *latencies, str(trial.reloads), f"{trial.cpu_seconds:.1f}")


def _remark(trial: Trial, choice: Choice) -> str:
    if trial.result is None:
        return trial.reason
    if trial.result.failures:
        return _failures(trial.result).plain
    return "recommended" if trial is choice.best else ""


def write_json(file: Path | None, result: Result) -> None:
    """The result for --compare, where one is wanted."""
    if file is not None:
        file.write_text(result.model_dump_json(indent=1) + "\n")


def write_csv(file: Path | None, outcomes: Iterable[Outcome]) -> None:
    """A line for each request, where they are wanted."""
    if file is None:
        return
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(_COLUMNS)
        for one in outcomes:
            times = (f"{seconds:.6f}" for seconds in (one.intended, one.sent, one.done))
            writer.writerow((*times, one.batch_size, one.code, int(one.is_timed)))


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=140)  # so that no line of a file is broken
