"""What a person sees: a live table on a terminal, lines where there is none."""

from collections import deque
from typing import Protocol

from rich.console import Console
from rich.live import Live

from batchwright_operator.controller.run import Run
from batchwright_operator.local import lines, rates, table
from batchwright_operator.reconcile.observed import Reports

_RATE_SECONDS = 10.0  # rates are taken over the looks of the last so many seconds


class View(Protocol):
    """Where `up` shows what happens."""

    def start(self) -> None:
        """Begin to show."""
        ...

    def publish(self, run: Run) -> None:
        """Show what a run found."""
        ...

    def forget(self, name: str) -> None:
        """An object is gone."""
        ...

    def say(self, text: str) -> None:
        """Tell something that happened."""
        ...

    def complain(self, text: str) -> None:
        """Tell a fault."""
        ...

    def stop(self) -> None:
        """End showing."""
        ...


class PlainView:
    """Lines: events to standard output, faults to standard error."""

    def __init__(self, out: Console, err: Console) -> None:
        self._out = out
        self._err = err

    def start(self) -> None:
        """Nothing to begin."""

    def publish(self, run: Run) -> None:
        for event in run.events:
            self.say(lines.event_line(run.server.name, event))

    def forget(self, name: str) -> None:
        """Nothing is kept."""

    def say(self, text: str) -> None:
        _print(self._out, text)

    def complain(self, text: str) -> None:
        _print(self._err, text)

    def stop(self) -> None:
        """Nothing to end."""


class LiveView:
    """A table that is drawn again and again; events scroll by above it."""

    def __init__(self, out: Console, err: Console) -> None:
        self._live = Live(console=out, refresh_per_second=4, redirect_stderr=False)
        self._out = out
        self._err = err
        self._fault = ""
        self._runs: dict[str, Run] = {}
        self._history: dict[str, deque[tuple[float, Reports]]] = {}

    def start(self) -> None:
        self._live.start()

    def publish(self, run: Run) -> None:
        name = run.server.name
        self._runs[name] = run
        history = self._history.setdefault(name, deque())
        history.append((run.at, run.reports))
        while len(history) > 2 and history[0][0] < run.at - _RATE_SECONDS:
            history.popleft()
        for event in run.events:
            self.say(lines.event_line(name, event))
        self._draw()

    def forget(self, name: str) -> None:
        self._runs.pop(name, None)
        self._history.pop(name, None)
        self._draw()

    def say(self, text: str) -> None:
        self._fault = ""
        _print(self._out, text)

    def complain(self, text: str) -> None:
        self._fault = text
        # Standard error on the same terminal would be drawn over; elsewhere it is told as well.
        if not self._err.is_terminal:
            _print(self._err, text)
        self._draw()

    def stop(self) -> None:
        self._live.stop()

    def _draw(self) -> None:
        rows = [
            row
            for run in self._runs.values()
            for row in table.to_rows(run, {name: self._rates(run, name) for name in _models(run)})
        ]
        self._live.update(table.render_table(rows, self._fault))

    def _rates(self, run: Run, model: str) -> rates.Rates:
        history = self._history[run.server.name]
        return rates.rates_between(model, history[0][1], history[-1][1])


def _models(run: Run) -> list[str]:
    return [item.model.name for item in run.tuned]


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
