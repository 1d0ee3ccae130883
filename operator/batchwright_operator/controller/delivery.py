"""What a step on the way of a configuration does: the ConfigMap written, pods sent the document."""

import asyncio
from collections.abc import Mapping

from batchwright_operator.controller.upkeep import Upkeep
from batchwright_operator.pods.client import Configured, Outcome, PodClient, Target
from batchwright_operator.reconcile.course import Course, Document
from batchwright_operator.reconcile.faults import Fault
from batchwright_operator.reconcile.observed import Unreachable
from batchwright_operator.reconcile.proposal import Step
from batchwright_operator.render import names
from batchwright_operator.render.bundle import Bundle


async def commit(upkeep: Upkeep, wanted: Bundle, document: Document) -> Fault | None:
    """Write `document` to the ConfigMap; gives what stands against it, None if it is done."""
    return await upkeep.write(_config_map(wanted, document))


async def send(
    pods: PodClient, targets: Mapping[str, Target], step: Step, course: Course, *, now: float
) -> Course:
    """Send the step's documents; the course with what was sent and what was answered at once."""
    asked = [pod.name for pod in step.to if pod.name in targets]
    course = course.sending({name: step.sent[name] for name in asked})
    found = await asyncio.gather(
        *(pods.configure(targets[name], step.documents[name].text) for name in asked)
    )
    newest = {pod.name for pod in step.to if not course.template or pod.template == course.template}
    for name, answer in zip(asked, found, strict=True):
        course = _noting(course, name, answer, now, is_newest=name in newest)
    return course


def _noting(
    course: Course, pod: str, answer: Configured | Unreachable, now: float, *, is_newest: bool
) -> Course:
    match answer:
        case Unreachable():
            return course.unanswered(pod)
        # A pod that is to be replaced may lack what its successor has: a volume, fetched files.
        case Configured(outcome=Outcome.REFUSED, error=error) if is_newest:
            return course.refused(pod, error, now=now)
        case _:
            return course


def _config_map(wanted: Bundle, document: Document) -> names.Manifest:
    manifest = wanted.config_map
    if document.hash == wanted.config_hash:
        return manifest
    # The document of an earlier rendering: it is none of this one, and is marked as such.
    marks = {names.CONFIG_HASH: document.hash, names.RENDERED_HASH: document.hash}
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), **marks}
    return {
        **manifest,
        "metadata": {**metadata, "annotations": annotations},
        "data": {names.CONFIG_FILE: document.text.decode()},
    }
