"""The four ways in which TensorFlow Serving's HTTP API writes tensors as JSON."""

from enum import StrEnum
from typing import Any

UNNAMED = ""  # stands for the only output of an answer that does not name it


class Format(StrEnum):
    """By rows (a sample each) or columns (an input each), and with or without the input's name."""

    ROW_NONAME = "row_noname"
    ROW_NAME = "row_name"
    COLUMN_NONAME = "column_noname"
    COLUMN_NAME = "column_name"


def to_body(form: Format, name: str, rows: list[Any]) -> dict[str, Any]:
    """The request for `rows` of the input `name`."""
    match form:
        case Format.ROW_NONAME:
            return {"instances": rows}
        case Format.ROW_NAME:
            return {"instances": [{name: row} for row in rows]}
        case Format.COLUMN_NONAME:
            return {"inputs": rows}
        case Format.COLUMN_NAME:
            return {"inputs": {name: rows}}


def from_body(body: dict[str, Any]) -> dict[str, list[Any]]:
    """The rows of each output. Raises KeyError or TypeError for something else than an answer."""
    if "outputs" in body:
        columns = body["outputs"]
        return columns if isinstance(columns, dict) else {UNNAMED: list(columns)}
    rows = list(body["predictions"])
    if rows and all(isinstance(row, dict) for row in rows):
        return {name: [row[name] for row in rows] for name in rows[0]}
    return {UNNAMED: rows}
