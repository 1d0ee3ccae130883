"""Files that the command line names, read; what is wrong with one is told with its flag and name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from batchwright_bench.figures import saved
from batchwright_bench.figures.outcomes import Result
from batchwright_bench.load import arrays, traces
from batchwright_bench.load.traces import Trace

Found = TypeVar("Found")


class InvalidFile(ValueError):
    """The message says which file of which flag, where in it, what was expected and what came."""


def read_trace(file: Path) -> Trace:
    """The file of --trace. Raises InvalidFile."""
    return _read("--trace", file, lambda: traces.parse_trace(file.read_bytes()))


def read_results(files: Sequence[Path]) -> list[Result]:
    """The files of --compare. Raises InvalidFile."""
    return [_read_result(file) for file in files]


def _read_result(file: Path) -> Result:
    return _read("--compare", file, lambda: saved.parse_result(file.read_bytes()))


def read_rows(files: Sequence[Path]) -> arrays.Values | None:
    """The rows of all .npy files of -i, one after the other. Raises InvalidFile."""
    found = [_read_rows(file) for file in files]
    for file, rows in zip(files, found, strict=True):
        if rows.shape[1:] != found[0].shape[1:]:
            expected, got = list(found[0].shape[1:]), list(rows.shape[1:])
            raise InvalidFile(f"-i: {file}: expected samples of {expected} as in {files[0]}, got {got}")
    return np.concatenate(found) if found else None


def _read_rows(file: Path) -> arrays.Values:
    def read() -> arrays.Values:
        with file.open("rb") as opened:
            return arrays.read_rows(opened)

    return _read("-i", file, read)


def _read(flag: str, file: Path, read: Callable[[], Found]) -> Found:
    try:
        return read()
    except (arrays.InvalidArray, saved.InvalidResult, traces.InvalidTrace) as error:
        raise InvalidFile(f"{flag}: {file}: {error}") from error
    except OSError as error:
        raise InvalidFile(f"{flag}: cannot read {file}: {error.strerror or error}") from error
