"""Which edit of an object this is, counted here in place of an API server."""

from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline


def with_generations(edited: ModelServer, before: ModelServer) -> ModelServer:
    """`edited` with its generation and its Pipelines': one more where it differs from `before`."""
    known = {pipeline.name: pipeline for pipeline in before.pipelines}
    pipelines = tuple(_counted(item, known.get(item.name)) for item in edited.pipelines)
    generation = before.metadata.generation
    same = edited.with_pipelines(before.pipelines).with_generation(generation)
    counted = same if same == before else same.with_generation(generation + 1)
    return counted.with_pipelines(pipelines)


def _counted(edited: Pipeline, before: Pipeline | None) -> Pipeline:
    if before is None:
        return edited
    generation = before.metadata.generation
    same = edited.with_generation(generation)
    return same if same == before else same.with_generation(generation + 1)
