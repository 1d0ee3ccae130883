from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_server.api.auth_tokens import Tokens


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("alpha-1\n\n  beta.2==  \n")
    return path


@pytest.mark.parametrize("given_", ["Bearer alpha-1", "bearer beta.2==", "BEARER  alpha-1 "])
def test_every_token_of_the_file_passes(file: Path, given_: str) -> None:
    """Blanks around a token do not count, nor does the scheme's case."""
    assert Tokens(file).find_fault(given_) == ""


@pytest.mark.parametrize(
    ("given_", "fault"),
    [
        (None, "got nothing"),
        ("", "another scheme"),
        ("Basic alpha-1", "another scheme"),
        ("alpha-1", "another scheme"),
        ("Bearer ", "unknown token"),
        ("Bearer alpha-", "unknown token"),
        ("Bearer alpha-12", "unknown token"),
        ("Bearer alpha-1 beta.2==", "unknown token"),
        ("Bearer \udc80\u00e9", "unknown token"),
    ],
)
def test_anything_else_is_refused_and_not_repeated(file: Path, given_: str | None, fault: str) -> None:
    """The message says what is wrong; no token is in it."""
    told = Tokens(file).find_fault(given_)

    assert told.startswith("authorization: expected 'Bearer'")
    assert fault in told
    assert "alpha" not in told


@given(st.text())
def test_no_text_passes_but_a_token(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever a client sends, it is an answer and never an exception."""
    path = tmp_path_factory.getbasetemp() / "one-token"
    path.write_text("only\n")
    assert (Tokens(path).find_fault(f"Bearer {text}") == "") == (text.strip() == "only")


def test_a_changed_file_is_read_again(file: Path) -> None:
    """A new token passes and an old one does not, from the next call on."""
    tokens = Tokens(file)
    assert tokens.find_fault("Bearer alpha-1") == ""

    file.write_text("gamma\n")

    assert tokens.find_fault("Bearer gamma") == ""
    assert tokens.find_fault("Bearer alpha-1") != ""


@pytest.mark.parametrize("content", ["", "two words\n", "\x00\n"])
def test_a_file_without_tokens_keeps_the_old_ones(
    file: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is just being written opens no door and closes none."""
    tokens = Tokens(file)
    tokens.check()

    file.write_text(content)

    assert tokens.find_fault("Bearer alpha-1") == ""
    assert tokens.find_fault("Bearer ") != ""
    assert "stays in use" in caplog.text
    assert "words" not in caplog.text
    with pytest.raises(OSError, match=f"{file}: "):
        Tokens(file).check()
