"""Pipelines whose ModelServer is in none of the files: told, and their status written."""

import time
from pathlib import Path

from batchwright_operator.cluster.journal import apply_pipeline_status
from batchwright_operator.cluster.local import pipeline_status_file
from batchwright_operator.local.view import View
from batchwright_operator.reconcile.pipelinestatus import orphan_status
from batchwright_operator.resources.attachment import describe_orphan
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline


class Orphans:
    """The Pipelines without a ModelServer in one state directory."""

    def __init__(self, state: Path, view: View) -> None:
        self._state = state
        self._view = view
        self._known: tuple[Pipeline, ...] = ()

    def replace(self, orphans: tuple[Pipeline, ...], servers: tuple[ModelServer, ...]) -> None:
        """Tell of those that are new; of those that are gone or have a server now, say no more."""
        kept = {self._file(pipeline) for pipeline in orphans}
        kept |= {self._file(pipeline) for server in servers for pipeline in server.pipelines}
        for pipeline in self._known:
            if self._file(pipeline) not in kept:
                apply_pipeline_status(self._file(pipeline), pipeline.key, None)
        for pipeline in orphans:
            if pipeline not in self._known:
                message = describe_orphan(pipeline)
                self._view.say(message)
                status = orphan_status(pipeline, message, now=time.time())
                apply_pipeline_status(self._file(pipeline), pipeline.key, status)
        self._known = orphans

    def _file(self, pipeline: Pipeline) -> Path:
        return pipeline_status_file(self._state, pipeline.server_key.name, pipeline.name)
