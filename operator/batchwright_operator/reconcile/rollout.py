"""How far a ModelServer's pods are with their newest template, and whether an edit is wholly applied."""

from collections.abc import Sequence

from batchwright_operator.reconcile.drift import has_drifted
from batchwright_operator.reconcile.observed import Observed, Pod
from batchwright_operator.render import names
from batchwright_operator.render.bundle import Bundle
from batchwright_operator.render.names import Manifest


def is_whole(wanted: Bundle, observed: Observed, *, is_refused: bool) -> bool:
    """Whether nothing of what is wanted is left to be written, and every pod is made from it.

    `is_refused`: a pod has refused the configuration document, which then is not waited for.
    """
    manifests = (it for it in wanted.manifests if not (is_refused and it["kind"] == "ConfigMap"))
    is_written = not any(has_drifted(manifest, observed) for manifest in manifests)
    is_removed = all(observed.find(*key) is None for key in wanted.unwanted)
    return is_written and is_removed and is_complete(observed)


def is_complete(observed: Observed) -> bool:
    """Whether every pod of the Deployment is of its newest template and available.

    The Deployment's own status tells; where a cluster gives it none, the pods do.
    """
    deployment = observed.deployment
    if deployment is None:
        return False
    wanted = deployment["spec"].get("replicas", 1)
    status = deployment.get("status")
    if status is None:
        return _are_new(observed.current_pods, deployment, wanted)
    is_seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    return bool(is_seen) and updated == total == wanted and available >= wanted


def _are_new(pods: Sequence[Pod], deployment: Manifest, wanted: int) -> bool:
    annotations = deployment["spec"]["template"]["metadata"].get("annotations", {})
    newest = annotations.get(names.TEMPLATE_HASH, "")
    return len(pods) == wanted and all(pod.ready and pod.template == newest for pod in pods)
