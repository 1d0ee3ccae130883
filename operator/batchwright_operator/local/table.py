"""The table of `batchwright up`: a row for each model, and under it what is to be said in words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

from batchwright_operator.controller.run import Run
from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.local.addresses import ready_addresses
from batchwright_operator.local.rates import Rates
from batchwright_operator.local.trouble import find_trouble

_GAP = 2  # between two columns, one of it the box's own
_LONGEST_NAME = 24  # a longer one is folded rather than that figures are left out
_FIRST_TO_GO = ("ms", "samples/s", "reloads/min", "req/s")


@dataclass(frozen=True)
class Row:
    """One model's line; `is_well` tells whether its state needs no look."""

    model: str
    strategy: str
    state: str
    is_well: bool
    rates: Rates


@dataclass(frozen=True)
class Section:
    """One object: its models' rows, and its lines below the table."""

    rows: tuple[Row, ...]
    notes: tuple[Text, ...]


def to_section(run: Run, rates: Mapping[str, Rates]) -> Section:
    """An object as its last run found it; `rates` are by model."""
    trouble = find_trouble(run.status)
    return Section(
        rows=tuple(_to_row(run, item, rates[item.model.name], not trouble) for item in run.tuned),
        notes=(Text(ready_addresses(run), style="dim"), *_words(run, trouble)),
    )


@dataclass(frozen=True)
class Board:
    """All that is drawn: the faults first, where no long table pushes them out of sight."""

    sections: tuple[Section, ...]
    faults: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for fault in self.faults:
            yield Text(fault, style="bold red")
        rows = [row for section in self.sections for row in section.rows]
        yield _render_table(_fitting(_columns(rows), options.max_width))
        for section in self.sections:
            yield from section.notes


@dataclass(frozen=True)
class _Column:
    title: str
    cells: tuple[Text, ...]
    justify: JustifyMethod = "left"

    @property
    def width(self) -> int:
        """Characters it needs."""
        natural = max(cell_len(text) for text in (self.title, *(cell.plain for cell in self.cells)))
        return min(natural, _LONGEST_NAME) if self.title == "model" else natural


def _columns(rows: Iterable[Row]) -> tuple[_Column, ...]:
    rows = tuple(rows)
    figures = {
        "req/s": [f"{row.rates.requests:.1f}" for row in rows],
        "samples/s": [f"{row.rates.samples:.1f}" for row in rows],
        "reloads/min": [f"{row.rates.reloads_per_minute:.1f}" for row in rows],
        "ms": [f"{row.rates.mean_ms:.0f}" for row in rows],
    }
    return (
        _Column("model", tuple(Text(row.model) for row in rows)),
        _Column("strategy", tuple(Text(row.strategy, style="bold") for row in rows)),
        _Column("state", tuple(Text(row.state, style=_style(row)) for row in rows)),
        *(_Column(title, tuple(map(Text, texts)), "right") for title, texts in figures.items()),
    )


def _style(row: Row) -> str:
    return "green" if row.is_well else "yellow"


def _fitting(columns: tuple[_Column, ...], width: int) -> tuple[_Column, ...]:
    """As many of the columns as there is room for; names and states always."""
    for title in _FIRST_TO_GO:
        if sum(column.width + _GAP for column in columns) <= width:
            break
        columns = tuple(column for column in columns if column.title != title)
    return columns


def _render_table(columns: tuple[_Column, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), show_edge=False, pad_edge=False)
    for column in columns:
        is_name = column.title == "model"
        table.add_column(column.title, justify=column.justify, no_wrap=not is_name, overflow="fold")
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _to_row(run: Run, item: Tuned, rates: Rates, is_well: bool) -> Row:
    known = run.status.model(item.model.name)
    states = ", ".join(version.state.lower() for version in known.versions) if known else ""
    ready = f"{run.status.ready_replicas}/{run.server.spec.replicas}"
    return Row(
        model=f"{run.server.name}/{item.model.name}",
        strategy=str(item.plan),
        state=f"{states or 'starting'} {ready}",
        is_well=is_well,
        rates=rates,
    )


def _words(run: Run, trouble: str) -> Iterator[Text]:
    if trouble:
        yield Text(f"{run.server.name}: {trouble}", style="yellow")
        return
    for item in run.tuned:
        message = item.decision.message if item.decision is not None else "as the user chose"
        yield Text(f"{run.server.name}/{item.model.name}: {message}")
