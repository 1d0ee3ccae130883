"""What is seen on terminals of several widths, and elsewhere."""

import io

import pytest
from rich.console import Console

from batchwright_operator.local.rates import Rates
from batchwright_operator.local.table import Board, to_section
from batchwright_operator.local.view import LiveView, PlainView
from batchwright_server.config.plan import Plan, Strategy, Streams
from tests.support.modelservers import make_server, model_document
from tests.support.runs import make_run

LONG = Plan(Strategy.DEMULTIPLEX, Streams.OPTIMUM)


def _console(width: int = 80, *, terminal: bool = True) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _drawn(width: int, *, name: str = "vision", trouble: str = "") -> str:
    console = _console(width)
    server = make_server(model_document("resnet"), name=name)
    run = make_run(server, plan=LONG, trouble=trouble)
    rates = {"resnet": Rates(1234.5, 12345.6, 123.4, 1234.0)}
    console.print(Board((to_section(run, rates),)))
    return _text(console)


@pytest.mark.parametrize("width", [80, 100, 140, 250])
def test_nothing_is_cut(width: int) -> None:
    """What is shown is shown whole: the plan, the state, the requests a second, the reason."""
    drawn = _drawn(width)
    for text in ("vision/resnet", "demultiplex/optimum", "starting 1/1", "1234.5", "as the user chose"):
        assert text in drawn
    assert max(map(len, drawn.splitlines())) <= width
    assert "…" not in drawn


@pytest.mark.parametrize(
    ("width", "figures"),
    [(140, ["1234.5", "12345.6", "123.4", "1234"]), (80, ["1234.5", "123.4"]), (55, [])],
)
def test_figures_are_left_out_by_width(width: int, figures: list[str]) -> None:
    """The least needed figure goes first."""
    drawn = _drawn(width).split()
    assert [text for text in ("1234.5", "12345.6", "123.4", "1234") if text in drawn] == figures


def test_a_long_name_is_folded() -> None:
    """The longest name leaves the rest its room."""
    drawn = _drawn(80, name="v" * 48)
    assert "demultiplex/optimum" in drawn
    assert max(map(len, drawn.splitlines())) <= 80


def test_trouble_takes_the_place_of_reasons() -> None:
    """What needs a look is told under the table."""
    drawn = _drawn(80, trouble="Pod vision-0 died 2 times while starting")
    assert "vision: Pod vision-0 died 2 times while starting" in drawn
    assert "as the user chose" not in drawn


def test_a_fault_stays_until_it_is_mended() -> None:
    """Whatever else is said, a refused edit is seen until a good one is loaded."""
    out = _console()
    view = LiveView(out, _console())
    view.complain("the edit is bad")
    assert "the edit is bad" in _text(out)
    view.say("something else")
    view.publish(make_run())
    assert "the edit is bad" in _last_drawing(view)
    view.settle()
    assert "the edit is bad" not in _last_drawing(view)


def test_an_objects_fault_goes_with_its_next_run() -> None:
    """A disk that was full for a moment is no fault any more once a run succeeds."""
    view = LiveView(_console(), _console())
    view.complain("disk full", "vision")
    view.complain("the edit is bad")
    view.publish(make_run())
    assert "disk full" not in _last_drawing(view)
    assert "the edit is bad" in _last_drawing(view)


def test_faults_reach_standard_error() -> None:
    """Where standard error is no terminal, or nothing is, faults are told there too."""
    for view_of in (LiveView, PlainView):
        err = _console(terminal=False)
        view_of(_console(), err).complain("bad")
        assert _text(err) == "bad\n"


def _last_drawing(view: LiveView) -> str:
    console = _console()
    console.print(view.drawing)
    return _text(console)
