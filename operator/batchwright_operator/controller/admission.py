"""Which Pipelines are in a ModelServer's document, and the status of each."""

from batchwright_operator.controller.memory import Memory
from batchwright_operator.reconcile import pipelines, pipelinestatus
from batchwright_operator.reconcile.judgement import Look
from batchwright_operator.reconcile.observed import Observed, Reports
from batchwright_operator.reconcile.outcome import Event
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_operator.resources.status import PipelineStatus


def admit(
    server: ModelServer, memory: Memory, seen: tuple[Observed, Reports], *, are_plans_to_blame: bool
) -> ModelServer:
    """`server` with those of its Pipelines that may be in its document; the others are remembered.

    With `are_plans_to_blame` the policy's plans are taken back, and what they broke is whole again.
    """
    around = pipelines.observe_circumstances(server, *seen)
    faults = {} if are_plans_to_blame else _new_faults(server, memory, seen)
    left_out = {}
    for pipeline in server.pipelines:
        old = memory.left_out.get(pipeline.name)
        if pipeline.name in faults:
            message = faults[pipeline.name]
            left_out[pipeline.name] = pipelines.LeftOut(pipeline, "Refused", message, around)
        elif old is not None and _is_as_before(old, pipeline, around):
            left_out[pipeline.name] = old
    for pipeline, message in pipelines.name_clashes(server.pipelines):
        left_out[pipeline.name] = pipelines.LeftOut(pipeline, "NameTaken", message, around)
    memory.left_out = left_out
    admitted = tuple(item for item in server.pipelines if item.name not in left_out)
    return server.with_pipelines(admitted)


def _new_faults(server: ModelServer, memory: Memory, seen: tuple[Observed, Reports]) -> dict[str, str]:
    """The words of the pods on the newest document, by the names of the Pipelines they are about."""
    wanted = memory.wanted
    if wanted is None or wanted.generation != server.metadata.generation:
        return {}  # about models that have been edited since
    # Of what is tried again, refusals from before are still to be read.
    fresh = {pod: item for pod, item in seen[1].items() if pod not in memory.course.retried}
    found = pipelines.find_faults(wanted.pipelines, wanted.config_hash, fresh)
    editions = {pipeline.edition for pipeline in server.pipelines}
    return {pipeline.name: text for pipeline, text in found if pipeline.edition in editions}


def _is_as_before(old: pipelines.LeftOut, pipeline: Pipeline, around: pipelines.Circumstances) -> bool:
    """Whether neither the Pipeline nor what it has to fit has changed since it was left out."""
    return old.pipeline.edition == pipeline.edition and old.circumstances.is_as(around)


def build_statuses(memory: Memory, look: Look, *, now: float) -> dict[str, PipelineStatus]:
    """The status of each Pipeline, by its name."""
    return {
        pipeline.name: pipelinestatus.build_pipeline_status(
            pipeline,
            memory.left_out.get(pipeline.name),
            look,
            memory.pipelines.get(pipeline.name, PipelineStatus()),
            now=now,
        )
        for pipeline in look.server.pipelines
    }


def events(
    memory: Memory, look: Look, statuses: dict[str, PipelineStatus], *, now: float
) -> dict[str, tuple[Event, ...]]:
    """What the changes of these statuses are worth telling, by the Pipeline's name."""
    return {
        pipeline.name: tuple(
            pipelinestatus.pipeline_events(
                pipeline,
                memory.pipelines.get(pipeline.name, PipelineStatus()),
                statuses[pipeline.name],
                now=now,
            )
        )
        for pipeline in look.server.pipelines
    }
