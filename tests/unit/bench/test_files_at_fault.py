"""What is wrong with a file or a text of the command line is told by flag, file and field."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from batchwright_bench.cli.command import bench
from batchwright_bench.figures.outcomes import Outcome, sum_up

RESULT = sum_up("a [/title]", "4 at once", [Outcome(0.0, 0.0, 0.1, 1), Outcome(0.1, 0.1, 0.3, 2)])
DOCUMENT = RESULT.model_dump(mode="json")
SERVER = ("--target", "127.0.0.1:9")
SERVED_STRATEGIES = dict.fromkeys(("reload", "dynamic"), DOCUMENT)


def _told(*arguments: object) -> str:
    """What the command says before it ends with an error of its own."""
    done = CliRunner().invoke(bench, [str(one) for one in arguments])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (1, 2)
    return done.output


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"8\n0\n", "line 2: batch_size: expected a whole number from 1 to 100000, got '0'"),
        (b"0.5,8\nsoon,1\n", "line 2: seconds: expected a number from 0, got 'soon'"),
        (b"8\n\xff\n", "line 2: expected text in UTF-8"),
        (b"", "expected at least one line with a batch size, found none"),
    ],
)
def test_a_faulty_trace(tmp_path: Path, content: bytes, told: str) -> None:
    """The file, the line and the field are named."""
    (tmp_path / "trace").write_bytes(content)

    assert f"--trace: {tmp_path / 'trace'}: {told}" in _told(*SERVER, "--trace", tmp_path / "trace")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("[", "Invalid JSON: EOF while parsing a list at line 1 column 1"),
        ({**DOCUMENT, "format": 2}, "format: Input should be 1 (got 2)"),
        ({**DOCUMENT, "seconds": "long"}, "seconds: Input should be a valid number"),
        ({**DOCUMENT, "samples": -1}, "samples: Input should be greater than or equal to 0 (got -1)"),
        ({**DOCUMENT, "latencies": {"many": 2}}, "latencies.many"),
        ({**DOCUMENT, "latencies": {str(2**70): 2}}, "latencies"),
        ({**DOCUMENT, "latencies": {"7": 1}}, "latencies: expected those of 2 requests, found 1"),
        (
            {**DOCUMENT, "windows": [{"seconds": 0, "requests": 1, "samples": 1}]},
            "windows[0].seconds: Input should be greater than or equal to",
        ),
        (SERVED_STRATEGIES, "title: required, but missing"),
    ],
)
def test_a_faulty_result(tmp_path: Path, document: Any, told: str) -> None:
    """The file and the field are named, and which of both files it is."""
    (tmp_path / "good").write_text(json.dumps(DOCUMENT))
    (tmp_path / "bad").write_text(document if isinstance(document, str) else json.dumps(document))
    said = _told("--compare", tmp_path / "good", tmp_path / "bad")

    assert f"--compare: {tmp_path / 'bad'}: no result of --json: " in said
    assert told in said


def test_titles_are_no_markup(tmp_path: Path) -> None:
    """A title with brackets, as paths may have, is printed as it is."""
    (tmp_path / "one").write_text(json.dumps(DOCUMENT))
    done = CliRunner().invoke(bench, ["--compare", str(tmp_path / "one"), str(tmp_path / "one")])

    assert done.exit_code == 0
    assert "a [/title]" in done.output


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "header: expected a .npy file with one array of numbers"),
        (b"PK\x03\x04", "header: expected a .npy file with one array of numbers"),
        (np.array(["a"]), "element type: expected numbers, got <U1"),
        (np.zeros((0, 4), np.float32), "shape: expected at least one sample, got [0, 4]"),
    ],
)
def test_a_faulty_array(tmp_path: Path, content: Any, told: str) -> None:
    """The file is named, and what of it does not do."""
    file = tmp_path / "rows.npy"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, content)

    assert f"-i: {file}: {told}" in _told(*SERVER, "-i", file)


def test_an_array_that_was_cut_short(tmp_path: Path) -> None:
    """Values that are not there are asked for by their number of bytes."""
    np.save(tmp_path / "rows.npy", np.zeros((3, 4), np.float32))
    content = (tmp_path / "rows.npy").read_bytes()
    (tmp_path / "rows.npy").write_bytes(content[:-8])

    told = _told(*SERVER, "-i", tmp_path / "rows.npy")
    assert "values: expected 48 bytes for the shape [3, 4], got 40" in told


def test_arrays_of_different_samples(tmp_path: Path) -> None:
    """Files whose samples do not go together are both named."""
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    np.save(tmp_path / "b.npy", np.zeros((3, 5)))

    told = _told(*SERVER, "-i", tmp_path / "a.npy", "-i", tmp_path / "b.npy")
    assert f"{tmp_path / 'b.npy'}: expected samples of [4] as in {tmp_path / 'a.npy'}, got [5]" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*SERVER, "--sizes", "uniform:1"), "--sizes: expected a number (8)"),
        ((*SERVER, "--sizes", "9" * 5000), "…'"),
        (("-t", "nan", *SERVER), "nan is no number"),
        (("-t", "inf", *SERVER), "not in the range"),
        (("--rate", "nan", *SERVER), "nan is no number"),
        ((), "expected a model (-m), a server (--target) or results (--compare)"),
        (("-m", ".", "-data_shape", "[1,,2]"), "-data_shape: expected whole numbers"),
        (
            ("-m", ".", "--compare-strategies", "--plugin-config", "[1]"),
            "--plugin-config: expected a JSON",
        ),
    ],
)
def test_a_faulty_flag(arguments: tuple[str, ...], told: str) -> None:
    """The flag is named, and what it takes."""
    assert told in _told(*arguments)
