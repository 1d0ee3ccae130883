"""The machine-readable report of a run."""

import dataclasses
import math
import os
import platform
from collections import Counter
from dataclasses import dataclass
from typing import Any

from example_client.demo import periods, records, reference, traffic, verdict

FORMAT = 1


@dataclass(frozen=True)
class Story:
    """A run with what it was asked to do and what it is judged by."""

    run: records.Run
    offer: traffic.Offer
    expected: reference.Expected
    checks: tuple[verdict.Check, ...]
    manifest: str

    @property
    def is_success(self) -> bool:
        """Whether every promise was kept."""
        return all(check.is_kept for check in self.checks)


def render(story: Story) -> dict[str, Any]:
    """The report as plain data. Times end in `_s` or `_ms`, and count from the first request."""
    run = story.run
    stretches = periods.before_and_after(run)
    before, after = stretches or (None, None)
    return {
        "format": FORMAT,
        "success": story.is_success,
        "checks": [dataclasses.asdict(check) for check in story.checks],
        "requests": len(run.answers),
        "failed_requests": verdict.failed_requests(run),
        "failures": dict(Counter(answer.code for answer in run.answers if not answer.is_ok)),
        "samples": sum(answer.samples for answer in run.answers if answer.is_ok),
        "mismatched_samples": verdict.mismatched_samples(run),
        "switches": [_render_switch(switch) for switch in run.switches],
        "before": _render_period(before),
        "after": _render_period(after),
        "whole": _render_period(periods.observe(run, _strategies(run), 0.0, run.ended)),
        "speedup": round(verdict.speedup(run), 3),
        "longest_stall_during_switch_ms": round(periods.stall_around_switch(run), 1),
        "longest_stall_before_ms": round(_stall_before(run), 1),
        "stall_means": "longest pause between two answers to whichever client, from the decision to "
        f"{periods.STALL_MARGIN_SECONDS:.0f} s after the new plan served",
        "settled_at_s": None if run.settled is None else round(run.settled, 2),
        "traffic_s": round(run.ended, 2),
        "traffic": {"clients": story.offer.clients, "batch_sizes": str(story.offer)},
        "batch_sizes": _batch_sizes(run),
        "tolerance": reference.TOLERANCE,
        "rounding_between_batch_sizes": story.expected.rounding,
        "closest_answers": story.expected.closest,
        "decision": run.decision,
        "machine": {
            "cores": _cores(),
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
        "manifest": story.manifest,
    }


def _render_switch(switch: records.Switch) -> dict[str, Any]:
    return {
        "model": switch.model,
        "from": switch.source,
        "to": switch.target,
        "at_s": round(switch.at, 2),
        "reason": switch.reason,
        "message": switch.message,
    }


def _render_period(period: periods.Period | None) -> dict[str, Any] | None:
    if period is None:
        return None
    plain = dataclasses.asdict(period)
    return {key: round(value, 2) if isinstance(value, float) else value for key, value in plain.items()}


def _strategies(run: records.Run) -> str:
    return ", ".join(dict.fromkeys(reading.strategy for reading in run.readings))


def _stall_before(run: records.Run) -> float:
    end = run.switches[0].at if run.switches else math.inf
    return periods.longest_stall(run, 0.0, end)


def _batch_sizes(run: records.Run) -> dict[str, int]:
    sizes = Counter(answer.samples for answer in run.answers)
    return {str(size): sizes[size] for size in sorted(sizes)}


def _cores() -> int:
    return len(os.sched_getaffinity(0))
