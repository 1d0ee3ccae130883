"""When to look again."""

import math

from batchwright_operator.controller.memory import Memory
from batchwright_operator.reconcile.judgement import Look
from batchwright_operator.reconcile.observed import Reports
from batchwright_operator.resources.modelserver import ModelServer
from batchwright_server.config.signals import Signals

SOON_SECONDS = 0.5  # while pods start or take up a document
_UNREST_SECONDS = 60.0  # what takes longer than that is not hurried by looking
_SLOWEST_SECONDS = 5.0
_FASTEST_SECONDS = 1.0
_LOOKS_PER_WINDOW = 20  # so that a window's edge is known to a twentieth
_IDLEST_SECONDS = 60.0
_IDLE_SHARE = 0.1  # without requests: of the time that there were none


def tick_seconds(server: ModelServer) -> float:
    """The time between two looks at a server that is as it should be and has requests."""
    windows = [
        model.batching.adaptive.window_seconds
        for model in server.spec.models
        if model.batching.is_adaptive
    ]
    shortest = min(windows, default=_SLOWEST_SECONDS * _LOOKS_PER_WINDOW)
    return min(_SLOWEST_SECONDS, max(_FASTEST_SECONDS, shortest / _LOOKS_PER_WINDOW))


def next_seconds(look: Look, memory: Memory, *, now: float) -> float:
    """The time until the next look; `memory` is told since when there is unrest, or there is nothing.

    Where all is well and there is no pod to be asked, that is for ever: what changes makes itself heard.
    """
    tick = tick_seconds(look.server)
    _note_requests(memory, look.reports, now)
    if not _is_calm(look):
        memory.unrest_since = memory.unrest_since if memory.unrest_since is not None else now
        is_new = 0 <= now - memory.unrest_since < _UNREST_SECONDS
        return min(tick, SOON_SECONDS) if is_new else tick
    memory.unrest_since = None
    if not look.observed.current_pods:
        return math.inf
    idle = now - memory.idle_since if memory.idle_since is not None else 0.0
    return min(_IDLEST_SECONDS, max(tick, _IDLE_SHARE * idle))


def _is_calm(look: Look) -> bool:
    is_whole = look.ready_pods >= look.server.spec.replicas and look.is_committed
    is_served = look.applied.is_everywhere or not look.observed.current_pods
    newest = look.server.metadata.generation
    is_told = look.applied_generation == newest or bool(look.unknown_template)
    return is_whole and is_served and is_told and not (look.unsettled or look.faults or look.refusal)


def _note_requests(memory: Memory, reports: Reports, now: float) -> None:
    count = sum(
        sum(model.counters.requests.values()) + model.counters.failed_requests
        for report in reports.values()
        if isinstance(report, Signals)
        for model in report.models
    )
    if count != memory.requests or memory.idle_since is None:
        memory.requests, memory.idle_since = count, now
