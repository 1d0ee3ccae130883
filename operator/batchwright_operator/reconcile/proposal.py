"""How a configuration reaches pods: proposed to those that run, then committed for those that start.

Running pods are sent the wanted document itself, which each takes as a whole or refuses. Once every
ready pod of the newest template serves it, it is committed: written to the ConfigMap, from which pods
start. So no pod ever starts from a document that a running pod has refused.

A pod that tries a plan of the policy's is sent a document of its own, which nobody commits.

A refusal stops that. For TAKE_BACK_SECONDS the pods stay as they are, in case the object is mended; then
those that took the document are sent the committed one again, and after RETRY_SECONDS it is tried anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from batchwright_operator.reconcile import commitment
from batchwright_operator.reconcile.course import Course, Document, Refusal, Sent
from batchwright_operator.reconcile.observed import Pod
from batchwright_operator.reconcile.sight import Sight

TAKE_BACK_SECONDS = 60.0
RETRY_SECONDS = 300.0
RESEND_SECONDS = 30.0  # a document that a pod neither serves nor refuses by then is sent once more


@dataclass(frozen=True)
class Step:
    """What to do now: send `documents` to the pods `to`, by name, and write `commit` to the ConfigMap.

    `course` is what to remember before that; `unheard` are the pods that the commit does not wait for.
    """

    course: Course
    documents: Mapping[str, Document] = field(default_factory=dict)
    to: tuple[Pod, ...] = ()
    sent: Mapping[str, Sent] = field(default_factory=dict)  # to remember of `to`, by pod
    commit: Document | None = None
    unheard: frozenset[str] = frozenset()


def advance(sight: Sight, course: Course, *, now: float) -> Step:
    """The next step on the way."""
    course = _look(sight, _begin(sight, course, now), now)
    refusal = course.refusal
    if refusal is not None and now - refusal.at >= RETRY_SECONDS:
        course, refusal = _retried(sight, course), None
    if refusal is None or sight.is_committed:
        target: Document | None = sight.wanted
    else:
        target = sight.committed if now - refusal.at >= TAKE_BACK_SECONDS else None
    to = tuple(_behind(sight, course, target, now)) if target is not None else ()
    documents = {pod.name: _target_of(sight, pod, target or sight.wanted) for pod in to}
    return _commit(sight, Step(course, documents, to, _sent(sight, to, documents, now)), now)


def _begin(sight: Sight, course: Course, now: float) -> Course:
    """The course for what is wanted now: another document, template or edit is tried anew."""
    found = (sight.wanted.hash, sight.template, sight.subject)
    if course.config_hash and found != (course.config_hash, course.template, course.subject):
        course = replace(_retried(sight, course), unheard=frozenset(), before=None)
    if course.refusal is not None and course.refusal.at > now:  # a clock that went back
        course = replace(course, refusal=replace(course.refusal, at=now))
    canaries = {name: document.hash for name, document in sight.canaries.items()}
    anew = canaries.items() - course.canaries.items()  # what was sent before is no part of it
    return replace(
        course,
        sent={name: it for name, it in course.sent.items() if name not in dict(anew)},
        config_hash=sight.wanted.hash,
        template=sight.template,
        subject=sight.subject,
        committed=sight.committed or course.committed,
        canaries=canaries,
    )


def _look(sight: Sight, course: Course, now: float) -> Course:
    """The course after a look at the pods: who is silent since when, and who has refused."""
    pods = sight.observed.current_pods
    silent = {
        pod.name: min(now, course.silent.get(pod.name, now))
        for pod in pods
        if pod.ready and sight.signals(pod) is None
    }
    retried = frozenset(pod.name for pod in pods if pod.name in course.retried and _rejects(sight, pod))
    sent = {pod.name: course.sent[pod.name] for pod in pods if pod.name in course.sent}
    course = replace(course, silent=silent, retried=retried, sent=sent)
    if course.refusal is None:
        return replace(course, refusal=_new_refusal(sight, course, now))
    return course


def _new_refusal(sight: Sight, course: Course, now: float) -> Refusal | None:
    for pod in sight.observed.current_pods:
        signals = sight.signals(pod)
        if signals is None or not sight.is_newest(pod) or pod.name in course.retried:
            continue
        if _rejects(sight, pod):
            return Refusal(pod.name, signals.config.error, now)
    return None


def _rejects(sight: Sight, pod: Pod) -> bool:
    signals = sight.signals(pod)
    return signals is not None and signals.config.rejected_hash == sight.wanted.hash


def _retried(sight: Sight, course: Course) -> Course:
    """The course of a document that is tried again: refusals that are still to be read do not count."""
    pods = sight.observed.current_pods
    retried = frozenset(pod.name for pod in pods if _rejects(sight, pod))
    return replace(course, refusal=None, retried=retried, sent={})


def _target_of(sight: Sight, pod: Pod, target: Document) -> Document:
    """What the pod is to serve on the way to `target`, from which a pod that tries a plan differs."""
    return sight.wanted_of(pod) if target == sight.wanted else target


def _behind(sight: Sight, course: Course, target: Document, now: float) -> Iterator[Pod]:
    """The running pods that are to be sent a document: unless they have refused or just got it."""
    for pod in sight.observed.current_pods:
        signals, wanted = sight.signals(pod), _target_of(sight, pod, target).hash
        if signals is None or wanted in (signals.config.hash, signals.config.pending_hash):
            continue
        # A refusal of what a pod is to try is from before: one from now ends the trial.
        is_final = wanted == target.hash and pod.name not in course.retried
        if signals.config.rejected_hash == wanted and is_final:
            continue
        sent = course.sent.get(pod.name)
        is_same = sent is not None and (sent.config_hash, sent.process) == (wanted, signals.process)
        if sent is None or not is_same or not 0 <= now - sent.at < RESEND_SECONDS:
            yield pod


def _sent(
    sight: Sight, to: tuple[Pod, ...], documents: Mapping[str, Document], now: float
) -> dict[str, Sent]:
    found = ((pod.name, sight.signals(pod)) for pod in to)
    return {
        name: Sent(documents[name].hash, item.process, now) for name, item in found if item is not None
    }


def _commit(sight: Sight, step: Step, now: float) -> Step:
    """The step with what is to be written to the ConfigMap, if anything is."""
    course = step.course
    if course.refusal is not None:
        return replace(step, commit=_restored(sight, course))
    if sight.is_committed:
        return step
    if sight.committed is None and course.committed is not None and commitment.is_any_up(sight):
        return replace(step, commit=course.committed)  # somebody has removed it
    if sight.recorded == sight.wanted.hash or commitment.is_due(sight, course, now):
        return replace(step, commit=sight.wanted, unheard=frozenset(course.silent))
    return step


def _restored(sight: Sight, course: Course) -> Document | None:
    """The document to go back to where pods that were not heard of turn out to have refused."""
    if sight.committed is None:
        return course.committed if course.committed != sight.wanted else course.before
    refusal = course.refusal
    is_late = sight.is_committed and refusal is not None and refusal.pod in course.unheard
    return course.before if is_late else None
