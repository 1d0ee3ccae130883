"""The record of a trial: one pod serves with another plan for a while, beside the others."""

from dataclasses import dataclass, field, replace

from batchwright_operator.policy import fields
from batchwright_operator.policy.history import History
from batchwright_operator.policy.pending import PendingCheck
from batchwright_server.config.plan import Plan


@dataclass(frozen=True)
class Trial:
    """What the pod that tries and the pods beside it did at the same time; lost with the process."""

    since: float | None = None  # unix seconds
    tried: History = field(default_factory=History)
    beside: History = field(default_factory=History)


@dataclass(frozen=True)
class Canary:
    """A plan that one process tries while all others go on with the plan in place.

    `check` has what was predicted and what all pods did before; it is settled once the pod was first
    seen to serve the plan.
    """

    plan: Plan
    pod: str
    process: str
    since: int  # that this pod tries, unix seconds
    because: str
    check: PendingCheck
    lost: int = 0  # pods that tried before and are gone, or were started again
    seen_at: float | None = None  # when it last answered; not kept
    trial: Trial = field(default_factory=Trial)  # not kept

    def moved_to(self, pod: str, process: str, *, now: float) -> "Canary":
        """The trial begun anew by another process, since this one was lost."""
        return replace(
            self,
            pod=pod,
            process=process,
            since=int(now),
            check=replace(self.check, settled_at=None),
            lost=self.lost + 1,
            seen_at=now,
            trial=Trial(),
        )

    def to_status(self) -> dict[str, object]:
        """The persisted form."""
        return {
            "plan": str(self.plan),
            "pod": self.pod,
            "process": self.process,
            "since": self.since,
            "because": self.because,
            "lost": self.lost,
            "check": self.check.to_status(),
        }

    @classmethod
    def from_status(cls, document: fields.Document) -> "Canary":
        """The trial that was persisted, of which nothing is measured. Raises ValueError."""
        return cls(
            plan=fields.parse_plan(document, "plan"),
            pod=fields.parse_text(document, "pod"),
            process=fields.parse_text(document, "process"),
            since=fields.parse_whole(document, "since"),
            because=fields.parse_text(document, "because"),
            check=PendingCheck.from_status(fields.parse_part(document.get("check"), "check")),
            lost=fields.parse_count(document, "lost"),
        )
