"""What one run resolves on, from what it has seen and what is remembered. No I/O here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from batchwright_operator.controller import admission, canaries, modelstatus, refusal, tidings, tuning
from batchwright_operator.controller.memory import Memory, Wanted
from batchwright_operator.policy.state import ModelState
from batchwright_operator.reconcile import applied, outcome, proposal, rollout
from batchwright_operator.reconcile.course import Document
from batchwright_operator.reconcile.judgement import Look
from batchwright_operator.reconcile.observed import Observed, Reports
from batchwright_operator.reconcile.sight import Sight
from batchwright_operator.render import names
from batchwright_operator.render.bundle import Bundle, render_bundle
from batchwright_operator.render.revisions.registry import REVISIONS
from batchwright_operator.render.settings import Settings
from batchwright_operator.render.template import Revisions, Template
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_operator.resources.status import ModelServerStatus


@dataclass(frozen=True)
class Scene:
    """What one run has before it; `now` is Unix time in seconds."""

    server: ModelServer
    settings: Settings
    observed: Observed
    reports: Reports
    now: float
    revisions: Revisions = REVISIONS

    @property
    def seen(self) -> tuple[Observed, Reports]:
        """The cluster and the pods."""
        return self.observed, self.reports


@dataclass(frozen=True)
class Resolution:
    """What is wanted, how far the pods are with it, and the next step."""

    admitted: ModelServer
    tuned: tuple[tuning.Tuned, ...]
    bundle: Bundle
    step: proposal.Step
    look: Look
    status: ModelServerStatus
    events: tuple[outcome.Event, ...]

    @property
    def wanted(self) -> Wanted:
        """What to remember as wanted."""
        return Wanted(
            config_hash=self.bundle.config_hash,
            generation=self.look.server.metadata.generation,
            pipelines=self.admitted.pipelines,
        )


def resolve(scene: Scene, memory: Memory, template: Template) -> Resolution:
    """The resolution of one run. Of the memory only what is left out of the document is changed."""
    server, now = scene.server, scene.now
    pending = refusal.find_pending(server, scene.settings, memory, scene.seen)
    is_withdrawn = pending is not None and pending.is_plans_alone and bool(pending.why)
    states, told = dict(memory.states), []
    if pending is not None and is_withdrawn:
        back_to = tuning.served_plans(scene.server, scene.observed), pending.why
        for state, event in refusal.withdraw(server, memory, back_to, now=now):
            states[event.model] = state
            told.append(event)
    for state, event in canaries.find_refused(server, memory, scene.reports, states, now=now):
        states[event.model] = state
        told.append(event)
    admitted = admission.admit(server, memory, scene.seen, are_plans_to_blame=is_withdrawn)
    tuned = tuning.Tuner(
        server,
        scene.seen,
        is_held=pending is not None and not pending.is_plans_alone,
        now=now,
        is_edited=memory.course.subject not in (None, _subject(server, admitted)),
    ).tune(states)
    plans = {item.model.name: item.plan for item in tuned}
    bundle = render_bundle(admitted, scene.settings, plans, template, revisions=scene.revisions)
    sight = _sight(scene, admitted, bundle, canaries.render(admitted, scene.settings, tuned))
    step = proposal.advance(sight, memory.course, now=now)
    look = replace(
        _look(scene, memory, (sight, step), tuned),
        unknown_template="" if template.is_comparable else template.revision,
        applied_generation=_applied_generation(scene, memory, (bundle, step), template),
    )
    models = [modelstatus.to_model_status(item, scene.reports, memory.status, now=now) for item in tuned]
    status = outcome.build_status(look, models, memory.status, now=now)
    events = (*told, *_events(memory, look, tuned, status, now=now))
    return Resolution(admitted, tuned, bundle, step, look, status, events)


def _subject(server: ModelServer, admitted: ModelServer) -> object:
    """What a document stands for; an autoscaler's change is no edit."""
    spec = server.spec.model_copy(update={"replicas": 0})
    return spec, tuple(pipeline.edition for pipeline in admitted.pipelines)


def _sight(scene: Scene, admitted: ModelServer, bundle: Bundle, tried: Mapping[str, Document]) -> Sight:
    observed = scene.observed
    text, config_map = observed.config_text, observed.config_map or {}
    marks = config_map.get("metadata", {}).get("annotations") or {}
    return Sight(
        wanted=Document(bundle.document, bundle.config_hash),
        committed=Document.of(text.encode()) if text is not None else None,
        recorded=marks.get(names.CONFIG_HASH, ""),
        template=bundle.template_hash,
        subject=_subject(scene.server, admitted),
        observed=observed,
        reports=scene.reports,
        canaries=tried,
    )


def _look(
    scene: Scene,
    memory: Memory,
    way: tuple[Sight, proposal.Step],
    tuned: tuple[tuning.Tuned, ...],
) -> Look:
    sight, step = way
    return Look(
        server=scene.server,
        observed=scene.observed,
        reports=scene.reports,
        applied=applied.observe_applied(
            scene.observed, scene.reports, sight.wanted.hash, step.course.canaries
        ),
        unsettled=tuple(modelstatus.unsettled(tuned, scene.reports)),
        canaries=tuple(modelstatus.canaries(tuned)),
        refusal=step.course.refusal,
        is_committed=sight.is_committed,
        faults=tuple(memory.faults.values()),
        left_out=tuple(sorted(memory.left_out)),
        template=sight.template,
    )


def _applied_generation(
    scene: Scene, memory: Memory, wanted: tuple[Bundle, proposal.Step], template: Template
) -> int:
    """The newest generation that was ever wholly applied; 0: none, as far as is known."""
    newest, known = scene.server.metadata.generation, memory.status.observed_generation
    bundle, step = wanted
    is_refused = step.course.refusal is not None
    if known == newest:
        return known
    if template.is_comparable and rollout.is_whole(bundle, scene.observed, is_refused=is_refused):
        return newest
    return known if known < newest else 0  # of an object of that name before this one


def _events(
    memory: Memory,
    look: Look,
    tuned: tuple[tuning.Tuned, ...],
    status: ModelServerStatus,
    *,
    now: float,
) -> Iterator[outcome.Event]:
    yield from tidings.decision_events(tuned, memory.decisions, now=now)
    yield from outcome.restart_events(memory.pods, look.observed.pods, now=now)
    yield from outcome.condition_events(memory.status, status, now=now)


def states_of(tuned: tuple[tuning.Tuned, ...]) -> dict[str, ModelState]:
    """The policy's states, by model."""
    return {item.model.name: item.state for item in tuned if item.state is not None}
