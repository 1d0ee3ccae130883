"""A Pipeline in the words of the configuration document."""

from batchwright_operator.resources.pipeline import Connection, Node, Pipeline
from batchwright_server.config import pipelines


def render_pipeline(pipeline: Pipeline) -> pipelines.PipelineConfig:
    """The element of `pipeline_config_list`."""
    spec = pipeline.spec
    return pipelines.PipelineConfig(
        name=pipeline.served_name,
        inputs=spec.inputs,
        nodes=tuple(_node(node) for node in spec.nodes),
        outputs=_sources(spec.outputs),
        demultiply_count=spec.demultiply_count,
    )


def _node(node: Node) -> pipelines.NodeConfig:
    return pipelines.NodeConfig(
        name=node.name,
        type="DL model",
        model_name=node.model,
        version=node.version,
        inputs=_sources(node.inputs),
        outputs=tuple(
            pipelines.NodeOutput(data_item=output.item, alias=output.name) for output in node.outputs
        ),
        demultiply_count=node.demultiply_count,
        gather_from_node=node.gather_from,
    )


def _sources(connections: tuple[Connection, ...]) -> tuple[dict[str, pipelines.SourceConfig], ...]:
    return tuple(
        {item.name: pipelines.SourceConfig(node_name=item.from_.node, data_item=item.from_.item)}
        for item in connections
    )
