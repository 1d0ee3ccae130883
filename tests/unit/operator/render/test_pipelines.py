"""Pipelines in the configuration document, and back from it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchwright_operator.render.conversion import Placing, render_model_server
from batchwright_operator.render.document import render_config
from batchwright_operator.render.export import export_document
from batchwright_operator.render.pipeline_conversion import render_pipelines
from batchwright_operator.render.settings import Settings
from batchwright_operator.resources.attachment import attach
from batchwright_operator.resources.manifests import Resource
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_server.config.document import Document, parse_document, render_document
from tests.support.modelservers import make_server
from tests.support.pipelines import make_pipeline

SETTINGS = Settings()
PLACING = Placing({"models": SETTINGS.claim_path("models")})
CUSTOM = {"name": "c", "type": "custom", "library_name": "l", "inputs": [], "outputs": []}
MODEL = {"name": "m", "base_path": "/models/models/m"}

texts = st.text(min_size=1, max_size=6)
names = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,60}[A-Za-z0-9])?", fullmatch=True)
counts = st.none() | st.integers(-1, 10_000)
sources = st.fixed_dictionaries({"node_name": texts, "data_item": texts})


def listed(values: st.SearchStrategy[Any], *, least: int = 0) -> st.SearchStrategy[list[Any]]:
    named = st.dictionaries(texts, values, min_size=least, max_size=3)
    return named.map(lambda found: [{name: value} for name, value in found.items()])


def said(keys: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value is not None}


nodes = st.fixed_dictionaries(
    {
        "name": texts.filter(lambda name: name != "request"),
        "type": st.just("DL model"),
        "model_name": names,
        "version": st.none() | st.integers(1, 9),
        "inputs": listed(sources),
        "outputs": st.dictionaries(texts, texts, max_size=3).map(
            lambda found: [{"alias": alias, "data_item": item} for alias, item in found.items()]
        ),
        "demultiply_count": counts,
        "gather_from_node": st.none() | texts,
    }
).map(said)
pipelines = st.fixed_dictionaries(
    {
        "name": names,
        "inputs": st.lists(texts, min_size=1, max_size=3, unique=True),
        "nodes": st.lists(nodes, min_size=1, max_size=3, unique_by=lambda node: node["name"]),
        "outputs": listed(sources, least=1),
        "demultiply_count": counts,
    }
).map(said)
documents = st.lists(pipelines, max_size=4, unique_by=lambda item: item["name"])


def parse(raw: list[dict[str, Any]]) -> Document:
    top = {"model_config_list": [{"config": MODEL}], "pipeline_config_list": raw}
    return parse_document(json.dumps(top).encode())


def without_zero(value: Any) -> Any:
    """The same with -1 for a count of 0: the old and the new way to say any."""
    if isinstance(value, list):
        return [without_zero(item) for item in value]
    if not isinstance(value, dict):
        return value
    same = {key: without_zero(item) for key, item in value.items()}
    return same | ({"demultiply_count": -1} if value.get("demultiply_count") == 0 else {})


def there_and_back(document: Document) -> Document:
    converted = render_model_server(document, "m", PLACING)
    graphs = render_pipelines(document, "m")
    assert (converted.losses, graphs.losses) == ((), ())
    objects = [Pipeline.model_validate(raw, by_alias=True, by_name=False) for raw in graphs.manifests]
    [server] = attach([*objects, ModelServer.model_validate(converted.manifest)]).servers
    exported = export_document(server, SETTINGS)
    assert exported.losses == ()
    return exported.document


@given(raw=documents)
def test_a_document_comes_back_with_its_pipelines(raw: list[dict[str, Any]]) -> None:
    """To manifests and back: the same pipelines, in the order of their names, and nothing lost."""
    back = there_and_back(parse(raw))

    wanted = parse(without_zero(sorted(raw, key=lambda item: item["name"])))
    assert back.pipeline_config_list == wanted.pipeline_config_list
    assert parse_document(render_document(back)) == back


@given(raw=documents)
def test_manifests_come_back_the_same(raw: list[dict[str, Any]]) -> None:
    """To a document and back: the same objects, each with a name of its own that is allowed."""
    document = parse(raw)
    first = render_pipelines(document, "m").manifests

    assert render_pipelines(there_and_back(document), "m").manifests == first
    assert len({manifest["metadata"]["name"] for manifest in first}) == len(raw)


def test_the_bytes_do_not_depend_on_the_order() -> None:
    """The same objects in another order are the same document."""
    objects: list[Resource] = [make_server(), make_pipeline("a"), make_pipeline("b", name="Z")]

    one, other = (attach(order).servers[0] for order in (objects, objects[::-1]))

    assert render_config(one, SETTINGS, {}) == render_config(other, SETTINGS, {})
    found = parse_document(render_config(one, SETTINGS, {})).pipeline_config_list
    assert [config.name for config in found] == ["Z", "a"]


def test_a_server_without_pipelines_has_no_list() -> None:
    """What has no pipelines is the document it always was."""
    assert b"pipeline" not in render_config(make_server(), SETTINGS, {})


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"nodes": []}, "pipeline_config_list[0]: spec"),
        ({"name": "a/b"}, "pipeline_config_list[0]: spec.name"),
        (
            {
                "nodes": [
                    {"name": "c", "type": "custom", "library_name": "l", "inputs": [], "outputs": []}
                ]
            },
            "pipeline_config_list[0].nodes[0]",
        ),
    ],
)
def test_what_no_manifest_can_say_is_listed(change: dict[str, Any], path: str) -> None:
    """Custom nodes and what no Pipeline may be: told by path, and the other pipelines are written."""
    source = {"node_name": "n", "data_item": "y"}
    node = {"name": "n", "type": "DL model", "model_name": "m", "inputs": [], "outputs": []}
    fine = {"name": "z", "inputs": ["x"], "nodes": [node], "outputs": [{"y": source}]}

    converted = render_pipelines(parse([{**fine, "name": "a", **change}, fine]), "m")

    assert [loss.path for loss in converted.losses] == [path]
    assert [manifest["metadata"]["name"] for manifest in converted.manifests] == ["z"]
