"""Pipelines of a document: checked before it takes over, and again whenever a model changes."""

import logging
from collections.abc import Mapping

from batchwright_server.config.document import Document
from batchwright_server.config.problems import Problem
from batchwright_server.runtime import ports
from batchwright_server.runtime.pipelines import offers
from batchwright_server.runtime.pipelines.offers import Offer
from batchwright_server.runtime.pipelines.pipeline import Pipeline
from batchwright_server.runtime.registry import Registry

_log = logging.getLogger(__name__)


class PipelineRollout:
    """Brings the registry's pipelines to what a document says, and keeps them fitting its models."""

    def __init__(self, registry: Registry, clock: ports.Clock) -> None:
        self._registry = registry
        self._clock = clock

    def announce(self, document: Document) -> None:
        """Know the document's pipelines, which go on counting if they were known; none serves yet."""
        known = self._registry.pipelines
        made: dict[str, Pipeline] = {}
        for config in document.pipeline_config_list:
            if config.name in made:
                _log.error("pipeline %s is declared more than once; the first is served", config.name)
                continue
            made[config.name] = Pipeline(config, self._clock)
            if config.name in known:
                made[config.name].meter = known[config.name].meter
        self._registry.pipelines = made

    def validate(self) -> None:
        """Let every pipeline serve that fits the models that serve now; faults are logged once."""
        models = {name: offers.offer_of(model) for name, model in self._registry.models.items()}
        for name, pipeline in self._registry.pipelines.items():
            before = pipeline.fault
            _fit(pipeline, models)
            if pipeline.fault and pipeline.fault != before:
                _log.error("pipeline %s is not served: %s", name, pipeline.fault)
            elif before and not pipeline.fault:
                _log.info("pipeline %s serves", name)

    def check(self, document: Document, models: Mapping[str, Offer]) -> list[Problem]:
        """What would be wrong with the document's pipelines over these models."""
        problems: list[Problem] = []
        names: set[str] = set()
        for index, config in enumerate(document.pipeline_config_list):
            path = f"pipeline_config_list[{index}]"
            if config.name in names:
                problems.append(Problem(path, f"another pipeline is named {config.name!r}"))
            names.add(config.name)
            trial = Pipeline(config, self._clock)
            _fit(trial, models)
            if trial.fault:
                problems.append(Problem(path, trial.fault))
        return problems


def _fit(pipeline: Pipeline, models: Mapping[str, Offer]) -> None:
    name = pipeline.config.name
    if name in models:
        pipeline.refuse(f"pipeline {name!r}: a model has this name; give the pipeline another")
    else:
        pipeline.fit(offers.find_interfaces(pipeline.graph, models))
