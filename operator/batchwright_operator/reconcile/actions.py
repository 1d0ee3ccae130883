"""What to do, given what is wanted and what was observed."""

from dataclasses import dataclass

from batchwright_operator.reconcile import applied
from batchwright_operator.reconcile.observed import Observed, Pod, Reports
from batchwright_operator.render import names
from batchwright_operator.render.bundle import Bundle, rendered_hash


@dataclass(frozen=True)
class ApplyManifest:
    """Make the object what the manifest says."""

    manifest: names.Manifest

    @property
    def kind(self) -> str:
        """The object's kind."""
        return str(self.manifest["kind"])


@dataclass(frozen=True)
class RefreshPods:
    """Have the nodes bring the new document to these pods now, instead of within a minute."""

    pods: tuple[str, ...]
    config_hash: str


@dataclass(frozen=True)
class ReloadPods:
    """Ask these pods to read their document now."""

    pods: tuple[Pod, ...]


Action = ApplyManifest | RefreshPods | ReloadPods


def plan_actions(wanted: Bundle, observed: Observed, reports: Reports) -> tuple[Action, ...]:
    """The actions in their order: objects first, then the pods that do not have the document yet."""
    changed = tuple(
        ApplyManifest(manifest)
        for manifest in wanted.manifests
        if _hash_of(observed, manifest) != rendered_hash(manifest)
    )
    return (*changed, *_pod_actions(wanted, observed, reports))


def _hash_of(observed: Observed, manifest: names.Manifest) -> str | None:
    found = observed.find(manifest["kind"], manifest["metadata"]["name"])
    return rendered_hash(found) if found is not None else None


def _pod_actions(wanted: Bundle, observed: Observed, reports: Reports) -> tuple[Action, ...]:
    behind = tuple(
        pod
        for pod in observed.current_pods
        if applied.progress_of(reports.get(pod.name), wanted.config_hash) is applied.Progress.BEHIND
    )
    if not behind:
        return ()
    return (RefreshPods(tuple(pod.name for pod in behind), wanted.config_hash), ReloadPods(behind))
