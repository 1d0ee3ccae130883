"""Which Pipelines a ModelServer's pods take, and which are to be left out of their document.

While it serves, a server takes a document all or nothing: one broken Pipeline would keep out every other
change. So what pods name as broken is left out until it, or what it was broken among, is another.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from batchwright_operator.reconcile.observed import Observed, Reports
from batchwright_operator.resources.model import Model
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.pipeline import Pipeline
from batchwright_server.config.signals import Signals

Served = frozenset[tuple[str, int, str]]  # name, version and plan of each model that serves


@dataclass(frozen=True)
class Circumstances:
    """What a Pipeline fits or not: the models as wanted, and as they serve (None: not all is known)."""

    models: tuple[Model, ...]
    served: Served | None

    def is_as(self, other: "Circumstances") -> bool:
        """Whether `other`, which was seen later, is not known to differ."""
        return self.models == other.models and other.served in (None, self.served)


@dataclass(frozen=True)
class LeftOut:
    """A Pipeline that is not in the document, and why."""

    pipeline: Pipeline
    reason: str
    message: str
    circumstances: Circumstances


def observe_circumstances(server: ModelServer, observed: Observed, reports: Reports) -> Circumstances:
    """What the Pipelines of `server` have to fit now."""
    found = [reports.get(pod.name) for pod in observed.current_pods if pod.ready]
    answers = [report for report in found if isinstance(report, Signals)]
    if not answers or len(answers) < len(observed.current_pods):
        return Circumstances(server.spec.models, None)
    served = frozenset(
        (model.name, model.version, str(model.plan.plan))
        for report in answers
        for model in report.models
        if model.plan is not None and model.state == "AVAILABLE"
    )
    return Circumstances(server.spec.models, served)


def find_faults(
    pipelines: tuple[Pipeline, ...], config_hash: str, reports: Reports
) -> Iterator[tuple[Pipeline, str]]:
    """Those of `pipelines`, which the document of that hash has, that a pod refused or cannot serve."""
    for report in reports.values():
        if not isinstance(report, Signals):
            continue
        if report.config.rejected_hash == config_hash:
            yield from _refused(pipelines, report.config.error)
        elif report.config.hash == config_hash and report.ready:
            faults = {item.name: item.fault for item in report.pipelines if item.fault}
            for pipeline in pipelines:
                if pipeline.served_name in faults:
                    yield pipeline, faults[pipeline.served_name]


def _refused(pipelines: tuple[Pipeline, ...], error: str) -> Iterator[tuple[Pipeline, str]]:
    """Each Pipeline that the refusal of a document names, with the server's words on it."""
    text, found = f"; {error}", []
    for index, pipeline in enumerate(pipelines):
        path = f"; pipeline_config_list[{index}]: "
        # With the name, so that no text inside of another fault is taken for one.
        start = text.find(f"{path}pipeline {pipeline.served_name!r}")
        if start >= 0:
            found.append((start, start + len(path), pipeline))
    found.sort(key=lambda item: item[0])
    ends = [start for start, _, _ in found[1:]] + [len(text)]
    # Of nothing found, the end of the text is left over.
    for (_, begin, pipeline), end in zip(found, ends, strict=False):
        yield pipeline, text[begin:end]


def name_clashes(pipelines: tuple[Pipeline, ...]) -> Iterator[tuple[Pipeline, str]]:
    """Each Pipeline whose served name an earlier one has."""
    owners: dict[str, str] = {}
    for pipeline in pipelines:
        name = pipeline.served_name
        if name in owners:
            yield pipeline, f"Clients already get the Pipeline {owners[name]!r} by the name {name!r}."
        owners.setdefault(name, pipeline.name)
