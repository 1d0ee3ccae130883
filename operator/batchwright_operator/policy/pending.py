"""The record from which a switch is judged: what was measured before it, and what was predicted."""

from dataclasses import dataclass, replace
from enum import StrEnum

from batchwright_operator.policy import fields
from batchwright_operator.policy.traffic import Traffic
from batchwright_server.config.plan import Plan

# From this share of the cores on, or of the one compile worker, a server has no capacity to spare.
SATURATION = 0.8


class Basis(StrEnum):
    """What is compared before and after a switch."""

    RATE = "Rate"  # samples per second
    WORK = "Work"  # core-seconds per sample
    TIME = "Time"  # seconds in the server per sample


@dataclass(frozen=True)
class Measured:
    """One pod's average over a window, in integers that a status may hold."""

    samples_per_kilosecond: int
    work_micros: int  # of all cores, for one sample
    time_micros: int  # in the server, for one sample
    concurrency_percent: int
    batch_size_percent: int
    would_reloads_permille: int  # of the requests
    is_saturated: bool

    @classmethod
    def of(cls, change: Traffic) -> "Measured":
        """What `change` amounts to; all zero without samples."""
        samples, seconds = max(change.samples, 1), max(change.seconds, 1e-9)
        cpu_share = change.cpu_seconds / max(change.core_seconds, 1e-9)
        return cls(
            samples_per_kilosecond=round(1000 * change.samples / seconds),
            work_micros=round(1e6 * change.cpu_seconds / samples),
            time_micros=round(1e6 * change.in_flight_seconds / samples),
            concurrency_percent=round(100 * change.concurrency),
            batch_size_percent=round(100 * change.mean_batch_size),
            would_reloads_permille=round(1000 * change.would_reloads / max(change.request_count, 1)),
            is_saturated=max(cpu_share, change.reload_seconds / seconds) >= SATURATION,
        )

    def to_status(self) -> dict[str, object]:
        """The persisted form."""
        return {
            "samplesPerKilosecond": self.samples_per_kilosecond,
            "workMicros": self.work_micros,
            "timeMicros": self.time_micros,
            "concurrencyPercent": self.concurrency_percent,
            "batchSizePercent": self.batch_size_percent,
            "wouldReloadsPermille": self.would_reloads_permille,
            "saturated": self.is_saturated,
        }

    @classmethod
    def from_status(cls, document: fields.Document) -> "Measured":
        """What was persisted. Raises UnreadableField."""
        return cls(
            samples_per_kilosecond=fields.parse_count(document, "samplesPerKilosecond"),
            work_micros=fields.parse_count(document, "workMicros"),
            time_micros=fields.parse_count(document, "timeMicros"),
            concurrency_percent=fields.parse_count(document, "concurrencyPercent"),
            batch_size_percent=fields.parse_count(document, "batchSizePercent"),
            would_reloads_permille=fields.parse_count(document, "wouldReloadsPermille"),
            is_saturated=fields.parse_flag(document, "saturated"),
        )


@dataclass(frozen=True)
class Gains:
    """Gains of one plan over another, in permille: 2000 is twice as good, 1000 no difference."""

    rate: int
    work: int
    time: int

    def on(self, basis: Basis) -> int:
        """The gain on one basis."""
        return {Basis.RATE: self.rate, Basis.WORK: self.work, Basis.TIME: self.time}[basis]

    def to_status(self) -> dict[str, object]:
        """The persisted form."""
        return {"rate": self.rate, "work": self.work, "time": self.time}

    @classmethod
    def from_status(cls, document: fields.Document) -> "Gains":
        """What was persisted. Raises UnreadableField."""
        rate, work, time = (fields.parse_count(document, key) for key in ("rate", "work", "time"))
        return cls(rate, work, time)


@dataclass(frozen=True)
class PendingCheck:
    """A switch not yet judged."""

    previous: Plan  # what the switch left, and goes back to
    before: Measured
    predicted: Gains
    basis: Basis  # what to compare where samples per second say nothing
    is_rate_telling: bool  # whether samples per second say something, at a similar concurrency
    saving_permille: int
    bore_micros: int = 0  # what `previous` had to earn before the switch, had it been gone back to then
    settled_at: int | None = None  # when all pods were first seen to serve the new plan, unix seconds

    def settled(self, now: float) -> "PendingCheck":
        """The record once all pods serve the new plan."""
        return self if self.settled_at is not None else replace(self, settled_at=int(now))

    def to_status(self) -> dict[str, object]:
        """The persisted form."""
        document: dict[str, object] = {
            "previous": str(self.previous),
            "before": self.before.to_status(),
            "predicted": self.predicted.to_status(),
            "basis": self.basis.value,
            "rateTelling": self.is_rate_telling,
            "savingPermille": self.saving_permille,
            "boreMicros": self.bore_micros,
        }
        return document if self.settled_at is None else {**document, "settledAt": self.settled_at}

    @classmethod
    def from_status(cls, document: fields.Document) -> "PendingCheck":
        """What was persisted. Raises UnreadableField, or ValueError for an unknown basis."""
        return cls(
            previous=fields.parse_plan(document, "previous"),
            before=Measured.from_status(fields.parse_part(document.get("before"), "before")),
            predicted=Gains.from_status(fields.parse_part(document.get("predicted"), "predicted")),
            basis=Basis(fields.parse_text(document, "basis")),
            is_rate_telling=fields.parse_flag(document, "rateTelling"),
            saving_permille=fields.parse_whole(document, "savingPermille"),
            bore_micros=fields.parse_count({"boreMicros": 0, **document}, "boreMicros"),
            settled_at=fields.parse_whole(document, "settledAt") if "settledAt" in document else None,
        )
