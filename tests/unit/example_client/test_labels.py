from pathlib import Path

import pytest

from example_client import faults, labels


def test_names_beside_the_images(tmp_path: Path) -> None:
    """Without a path, the names come from labels.txt beside the images."""
    (tmp_path / "labels.txt").write_text("zero\none\n", "utf-8")

    found = labels.load(None, beside=tmp_path / "imgs.npy")

    assert found.render(1) == "one 1"
    assert found.render_expected(1) == "1 one"


def test_numbers_without_names(tmp_path: Path) -> None:
    """Without any names, or beyond them, a class is told by its number."""
    assert labels.load(None, beside=tmp_path / "imgs.npy").render(7) == "7"
    assert labels.Labels(("zero",)).render(-1) == "-1"


def test_a_path_that_was_given_must_be_readable(tmp_path: Path) -> None:
    """Names that were asked for and are not there are an error that names the file."""
    with pytest.raises(faults.ClientError, match="missing"):
        labels.load(tmp_path / "missing", beside=tmp_path)
