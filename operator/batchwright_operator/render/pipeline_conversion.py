"""From the pipelines of a configuration document to Pipelines; what they cannot say is listed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from batchwright_operator.render.names import Manifest
from batchwright_operator.resources.modelserver import API_VERSION
from batchwright_operator.resources.pipeline import KIND, Pipeline
from batchwright_server.config.document import Document
from batchwright_server.config.pipelines import NamedSource, NodeConfig, PipelineConfig
from batchwright_server.config.problems import Problem, problems_of

_LONGEST_NAME = 48
_CUSTOM = "a custom node is native code for OpenVINO Model Server; put what it computes into a model"


@dataclass(frozen=True)
class ConvertedPipelines:
    """The manifests that are valid, and all that they do not say."""

    manifests: tuple[Manifest, ...]
    losses: tuple[Problem, ...]


def render_pipelines(document: Document, server: str) -> ConvertedPipelines:
    """A Pipeline over the ModelServer `server` for each pipeline, in the order of their names."""
    manifests: list[Manifest] = []
    losses: list[Problem] = []
    taken: set[str] = set()
    listed = sorted(enumerate(document.pipeline_config_list), key=lambda item: item[1].name)
    for index, config in listed:
        path = f"pipeline_config_list[{index}]"
        name = _object_name(config.name, taken)
        taken.add(name)
        faults = list(_custom_nodes(config, path))
        raw = _manifest(config, name, server)
        if not faults:
            faults = [Problem(f"{path}: {fault.path}", fault.message) for fault in _check(raw)]
        losses += faults
        if not faults:
            manifests.append(raw)
    return ConvertedPipelines(tuple(manifests), tuple(losses))


def _custom_nodes(config: PipelineConfig, path: str) -> Iterator[Problem]:
    for index, node in enumerate(config.nodes):
        if node.type == "custom":
            yield Problem(f"{path}.nodes[{index}]", _CUSTOM)


def _check(raw: Manifest) -> tuple[Problem, ...]:
    try:
        Pipeline.model_validate(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        return problems_of(error)
    return ()


def _object_name(name: str, taken: set[str]) -> str:
    """A name that an object may have, as near to the pipeline's as can be."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST_NAME].strip("-")
    plain = plain if plain[:1].isalpha() else f"p-{plain}"[:_LONGEST_NAME].strip("-")
    found, number = plain, 2
    while found in taken:
        suffix = f"-{number}"
        found, number = plain[: _LONGEST_NAME - len(suffix)].rstrip("-") + suffix, number + 1
    return found


def _manifest(config: PipelineConfig, name: str, server: str) -> Manifest:
    spec = {
        "modelServerRef": {"name": server},
        "name": config.name if config.name != name else None,
        "inputs": list(config.inputs),
        "demultiplyCount": _count(config.demultiply_count),
        "nodes": [_node(node) for node in config.nodes],
        "outputs": _connections(config.outputs),
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": _said(spec),
    }


def _node(node: NodeConfig) -> Manifest:
    return _said(
        {
            "name": node.name,
            "model": node.model_name,
            "version": node.version,
            "inputs": _connections(node.inputs),
            "outputs": [{"name": item.alias, "item": item.data_item} for item in node.outputs],
            "demultiplyCount": _count(node.demultiply_count),
            "gatherFrom": node.gather_from_node,
        }
    )


def _connections(sources: tuple[NamedSource, ...]) -> list[Manifest]:
    return [
        {"name": name, "from": {"node": source.node_name, "item": source.data_item}}
        for item in sources
        for name, source in item.items()
    ]


def _count(count: int | None) -> int | None:
    return -1 if count == 0 else count  # the old way to say any


def _said(keys: Manifest) -> Manifest:
    return {key: value for key, value in keys.items() if value is not None}
