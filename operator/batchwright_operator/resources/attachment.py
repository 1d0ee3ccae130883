"""Pipelines and the ModelServers whose models they use, brought together in any order."""

from collections.abc import Iterable
from dataclasses import dataclass

from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline


@dataclass(frozen=True)
class Manifests:
    """All objects of some files: every ModelServer with its Pipelines, and Pipelines without any."""

    servers: tuple[ModelServer, ...]
    orphans: tuple[Pipeline, ...]


def attach(objects: Iterable[ModelServer | Pipeline]) -> Manifests:
    """Each Pipeline at the ModelServer it names; of those in no order, in that of their names."""
    listed = tuple(objects)
    servers = tuple(item for item in listed if isinstance(item, ModelServer))
    pipelines = sorted((item for item in listed if isinstance(item, Pipeline)), key=_order)
    keys = {server.key for server in servers}
    return Manifests(
        servers=tuple(
            server.with_pipelines(tuple(item for item in pipelines if item.server_key == server.key))
            for server in servers
        ),
        orphans=tuple(item for item in pipelines if item.server_key not in keys),
    )


def describe_orphan(pipeline: Pipeline) -> str:
    """What is to be told of a Pipeline whose ModelServer is not there."""
    name = pipeline.server_key
    return f"Pipeline {pipeline.key}: spec.modelServerRef.name: there is no ModelServer {name} here"


def _order(pipeline: Pipeline) -> tuple[str, str]:
    return pipeline.served_name, pipeline.name
