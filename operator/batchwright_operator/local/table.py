"""The table of `batchwright up`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchwright_operator.controller.run import Run
from batchwright_operator.controller.tuning import Tuned
from batchwright_operator.local.rates import Rates
from batchwright_operator.resources.conditions import ConditionStatus, ConditionType, get_condition


@dataclass(frozen=True)
class Row:
    """One model's line; `is_well` tells whether its state needs no look."""

    model: str
    strategy: str
    state: str
    is_well: bool
    rates: Rates
    decision: str


def to_rows(run: Run, rates: Mapping[str, Rates]) -> tuple[Row, ...]:
    """A row for each model of the object."""
    trouble = _trouble(run)
    return tuple(_to_row(run, item, rates[item.model.name], trouble) for item in run.tuned)


def render_table(rows: Iterable[Row], fault: str) -> RenderableType:
    """The table, and under it the last fault, if there is one."""
    table = Table(expand=True)
    for title in ("model", "strategy", "state"):
        table.add_column(title, no_wrap=True)
    for title in ("requests/s", "samples/s", "reloads/min", "mean ms"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("last decision", ratio=1)
    for row in rows:
        table.add_row(*_cells(row))
    return Group(table, Text(fault, style="bold red")) if fault else table


def _to_row(run: Run, item: Tuned, rates: Rates, trouble: str) -> Row:
    known = run.status.model(item.model.name)
    states = ", ".join(version.state.lower() for version in known.versions) if known else ""
    ready = f"{run.status.ready_replicas}/{run.server.spec.replicas}"
    return Row(
        model=f"{run.server.name}/{item.model.name}",
        strategy=str(item.plan),
        state=f"{states or 'starting'} {ready}",
        is_well=not trouble,
        rates=rates,
        decision=trouble
        or (item.decision.message if item.decision is not None else "as the user chose"),
    )


def _trouble(run: Run) -> str:
    for kind in (ConditionType.CONFIG_APPLIED, ConditionType.READY, ConditionType.MODELS_AVAILABLE):
        condition = get_condition(run.status.conditions, kind)
        if condition is not None and condition.status is ConditionStatus.FALSE:
            return condition.message
    return ""


def _cells(row: Row) -> tuple[RenderableType, ...]:
    style = "green" if row.is_well else "yellow"
    figures = row.rates
    return (
        Text(row.model),
        Text(row.strategy, style="bold"),
        Text(row.state, style=style),
        f"{figures.requests:.1f}",
        f"{figures.samples:.1f}",
        f"{figures.reloads_per_minute:.1f}",
        f"{figures.mean_ms:.0f}",
        Text(row.decision),
    )
