"""The page's HTML."""

from html.parser import HTMLParser

from batchwright_operator.local.page import markup
from batchwright_operator.local.page.sheets import Sheet
from tests.support import sheets


class Outline(HTMLParser):
    """Open elements, names and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names += [value for name, value in attrs if name == "id" and value]
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_everything_is_on_the_page() -> None:
    """Strategy, sentence, figures, sizes, switches and costs; elements nest and names are unique."""
    found = Outline(markup.render_page(sheets.make_sheet()))
    said = " ".join(found.texts)
    for text in (
        "demultiplex", sheets.SENTENCE, "9.2", "78.1", "410", "980", "reload/one", "demultiplex/optimum",
        "2027-01-15 07:58:00", "CheaperPlan", "calibration", "198", "padding", "in reload queue",
    ):  # fmt: skip
        assert text in said, text
    assert found.open == []
    assert len(set(found.names)) == len(found.names)


def test_the_board_is_one_line() -> None:
    """A message of the stream ends at a line's end, whatever a sentence or a fault has in it."""
    board = markup.render_board(sheets.make_sheet(sentence="a\nb\r\nc", faults=("one\ntwo",)))
    assert "\n" not in board
    assert "\r" not in board
    assert "one<br>two" in board


def test_what_users_write_is_no_markup() -> None:
    """Names, sentences and faults are text."""
    board = markup.render_board(sheets.make_sheet(sentence="<script>x</script>", faults=("<b>",)))
    assert "<script" not in board
    assert "<b>" not in board


def test_nothing_runs_yet() -> None:
    """The page says so."""
    assert "No ModelServer runs yet" in markup.render_page(Sheet(0.0))
