"""What a person sees: a live table on a terminal, lines where there is none."""

from collections import deque
from typing import Protocol

from rich.console import Console
from rich.live import Live

from batchwright_operator.controller.run import Run
from batchwright_operator.local import lines, rates, table
from batchwright_operator.reconcile.observed import Reports

FILES = ""  # what a fault is about that is no object's
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

    def complain(self, text: str, about: str = FILES) -> None:
        """Tell a fault of an object, or of the manifest files."""
        ...

    def settle(self, about: str = FILES) -> None:
        """The last fault of that has been mended."""
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

    def complain(self, text: str, about: str = FILES) -> None:
        _print(self._err, text)

    def settle(self, about: str = FILES) -> None:
        """Nothing is kept."""

    def stop(self) -> None:
        """Nothing to end."""


class LiveView:
    """A table that is drawn again and again; events scroll by above it."""

    def __init__(self, out: Console, err: Console) -> None:
        self._live = Live(console=out, refresh_per_second=4, redirect_stderr=False)
        self._out = out
        self._err = err
        self._faults: dict[str, str] = {}  # by what they are about
        self._runs: dict[str, Run] = {}
        self._history: dict[str, deque[tuple[float, Reports]]] = {}

    def start(self) -> None:
        self._live.start()

    def publish(self, run: Run) -> None:
        name = run.server.name
        self._runs[name] = run
        self._faults.pop(name, None)
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
        self._faults.pop(name, None)
        self._draw()

    def say(self, text: str) -> None:
        _print(self._out, text)

    def complain(self, text: str, about: str = FILES) -> None:
        """Told above the table, where it stays, and shown with the table until it is mended."""
        self._faults[about] = text
        _print(self._out, text, style="red")
        if not self._err.is_terminal:
            _print(self._err, text)
        self._draw()

    def settle(self, about: str = FILES) -> None:
        self._faults.pop(about, None)
        self._draw()

    def stop(self) -> None:
        self._live.stop()

    @property
    def drawing(self) -> table.Board:
        """What is drawn: every object as its last run found it, and the faults not yet mended."""
        sections = tuple(
            table.to_section(run, {name: self._rates(run, name) for name in _models(run)})
            for run in self._runs.values()
        )
        return table.Board(sections, tuple(self._faults.values()))

    def _draw(self) -> None:
        self._live.update(self.drawing)

    def _rates(self, run: Run, model: str) -> rates.Rates:
        history = self._history[run.server.name]
        return rates.rates_between(model, history[0][1], history[-1][1])


def _models(run: Run) -> list[str]:
    return [item.model.name for item in run.tuned]


def _print(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
