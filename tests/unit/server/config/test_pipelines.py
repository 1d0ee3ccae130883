import json
from typing import Any

import pytest

from batchwright_server.config import document
from batchwright_server.config.problems import InvalidDocument

NODE: dict[str, Any] = {
    "name": "n",
    "model_name": "m",
    "type": "DL model",
    "inputs": [{"x": {"node_name": "request", "data_item": "x"}}],
    "outputs": [{"data_item": "y", "alias": "y"}],
}


def parse(node: dict[str, Any] | None = None, **keys: Any) -> document.Document:
    pipeline: dict[str, Any] = {
        "name": "p",
        "inputs": ["x"],
        "nodes": [NODE | (node or {})],
        "outputs": [{"y": {"node_name": "n", "data_item": "y"}}],
    }
    text = json.dumps({"model_config_list": [], "pipeline_config_list": [pipeline | keys]})
    return document.parse_document(text.encode())


def test_a_pipeline_survives_being_written_and_read() -> None:
    """Documents are rendered by the operator and read by the server: the same pipelines."""
    parsed = parse({"version": 2, "demultiply_count": 3}, demultiply_count=-1)

    assert document.parse_document(document.render_document(parsed)) == parsed


def test_zero_is_any_number_with_a_warning() -> None:
    """`demultiply_count: 0` is how OVMS said -1 before 2022; the warning has the place."""
    parsed = parse({"demultiply_count": 0}, demultiply_count=0)

    assert [warning.path for warning in parsed.warnings] == [
        "pipeline_config_list[0].demultiply_count",
        "pipeline_config_list[0].nodes[0].demultiply_count",
    ]


@pytest.mark.parametrize(
    ("node", "keys", "told"),
    [
        ({}, {"demultiply_count": 10_001}, "demultiply_count: Input should be less than or equal"),
        ({}, {"demultiply_count": -2}, "demultiply_count: Input should be greater than or equal to -1"),
        ({"versoin": 1}, {}, "nodes[0].versoin: unknown key"),
        ({"version": 0}, {}, "nodes[0].version: Input should be greater than or equal to 1"),
        ({"type": "TF"}, {}, "nodes[0].type: Input should be 'DL model' or 'custom'"),
        ({"model_name": None}, {}, "a node of type 'DL model' has a model_name"),
        ({"type": "custom"}, {}, "a node of type 'custom' has a library_name and no model_name"),
        (
            {"gather_from_node": ["a", "b"]},
            {},
            "gather_from_node: a node gathers from one demultiplexer",
        ),
        ({"inputs": [{}]}, {}, "nodes[0].inputs[0]"),
    ],
)
def test_what_the_schema_forbids_is_told_with_its_path(
    node: dict[str, Any], keys: dict[str, Any], told: str
) -> None:
    """Keys, types and ranges as in OVMS's schema, with the path of the fault."""
    with pytest.raises(InvalidDocument) as caught:
        parse(node, **keys)

    assert told in str(caught.value)
