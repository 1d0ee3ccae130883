"""The story of a run as it happens, and its figures at the end, on a console."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from example_client.demo import periods, records, report, verdict


class Narration:
    """A narrator that prints; colours on a terminal only."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, sentence: str, *, style: str = "") -> None:
        """One sentence on a line of its own."""
        self._console.print(sentence, style=style, highlight=False, markup=False, soft_wrap=True)

    def tick(self, now: float, answers: list[records.Answer], reading: records.Reading) -> None:
        """A line of figures for the seconds since the last one."""
        seconds = max(now - min((answer.end for answer in answers), default=now), 1.0)
        rate = sum(answer.samples for answer in answers if answer.is_ok) / seconds
        median, _ = periods.percentiles([answer for answer in answers if answer.is_ok])
        self.say(
            f"  {now:5.0f} s  {reading.strategy:<12}{rate:7.1f} samples/s"
            f"{median:8.0f} ms median{reading.reloads:7d} reloads so far",
            style="dim",
        )

    def switched(self, switch: records.Switch) -> None:
        """The policy's own sentence."""
        self.say(f"  {switch.at:5.1f} s  The policy decided: {switch.message}", style="bold magenta")

    def settled(self, at: float) -> None:
        """The moment in which the new plan serves."""
        self.say(
            f"  {at:5.1f} s  The new strategy serves; the clients go on as they were.", style="magenta"
        )


def tell_end(console: Console, story: report.Story, out: Path) -> None:
    """Figures, promises, and where the reports are."""
    console.print()
    console.print(_table(story.run))
    if told := story.run.decision.get("message"):
        console.print(f"The policy's last word: {told}", highlight=False, markup=False)
    stall = periods.stall_around_switch(story.run)
    if stall:
        console.print(
            f"Longest time without any answer around the switch: {stall:.0f} ms", highlight=False
        )
    for check in story.checks:
        sign, style = ("kept:  ", "green") if check.is_kept else ("BROKEN:", "bold red")
        console.print(
            f"{sign} {check.promise} ({check.found})", style=style, highlight=False, markup=False
        )
    ratio = verdict.speedup(story.run)
    if ratio:
        console.print(f"\nThe same clients got {ratio:.2f} times the samples per second.", style="bold")
    console.print(f"Figures: {out / 'report.json'}   Charts: {out / 'report.html'}", highlight=False)


def _table(run: records.Run) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("strategy", no_wrap=True)
    for head in ("seconds", "requests", "samples/s", "p50 ms", "p99 ms", "reloads"):
        table.add_column(head, justify="right", no_wrap=True, min_width=len(head))
    stretches = periods.before_and_after(run)
    if stretches is None:
        strategy = run.readings[-1].strategy if run.readings else "?"
        _add(table, "whole", periods.observe(run, strategy, 0.0, run.ended))
    else:
        _add(table, "before", stretches[0])
        _add(table, "after", stretches[1])
    return table


def _add(table: Table, name: str, period: periods.Period) -> None:
    table.add_row(
        name,
        period.strategy,
        f"{period.end - period.start:.1f}",
        str(period.requests),
        f"{period.samples_per_s:.1f}",
        f"{period.p50_ms:.0f}",
        f"{period.p99_ms:.0f}",
        str(period.reloads),
    )
