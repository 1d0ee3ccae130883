"""Whether the pods serve the wanted document."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from batchwright_operator.reconcile.observed import Observed, Report, Reports
from batchwright_server.config.signals import Signals


class Progress(StrEnum):
    """How far one pod is with the wanted document."""

    APPLIED = "applied"
    BEHIND = "behind"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Applied:
    """The progress of every current pod, and the reason of each that refused."""

    progress: Mapping[str, Progress]
    errors: Mapping[str, str]

    @property
    def is_everywhere(self) -> bool:
        """Whether there are pods, and all serve the document."""
        return bool(self.progress) and set(self.progress.values()) == {Progress.APPLIED}

    @property
    def behind(self) -> tuple[str, ...]:
        """The names of the pods that serve another document."""
        late = (Progress.BEHIND, Progress.REJECTED)
        return tuple(sorted(name for name, item in self.progress.items() if item in late))

    def pods(self, progress: Progress) -> tuple[str, ...]:
        """The names of the pods that are that far."""
        return tuple(sorted(name for name, item in self.progress.items() if item is progress))


def progress_of(report: Report | None, wanted_hash: str) -> Progress:
    """How far the pod is that gave `report`."""
    if not isinstance(report, Signals):
        return Progress.UNKNOWN
    if report.config.rejected_hash == wanted_hash:
        return Progress.REJECTED
    return Progress.APPLIED if report.config.hash == wanted_hash else Progress.BEHIND


def observe_applied(
    observed: Observed,
    reports: Reports,
    wanted_hash: str,
    canaries: Mapping[str, str] = MappingProxyType({}),
) -> Applied:
    """The progress over all current pods, new ones included.

    `canaries` are the hashes of what pods try, by name: it is the wanted document but for a plan.
    """
    names = [pod.name for pod in observed.current_pods]
    progress = {name: progress_of(reports.get(name), wanted_hash) for name in names}
    for name, tried_hash in canaries.items():
        if name in progress and progress_of(reports.get(name), tried_hash) is Progress.APPLIED:
            progress[name] = Progress.APPLIED
    errors = {
        name: report.config.error
        for name in names
        if progress[name] is Progress.REJECTED and isinstance(report := reports[name], Signals)
    }
    return Applied(progress, errors)
