"""Whether a run showed what it is meant to show."""

from dataclasses import dataclass

from example_client.demo import periods, records

_EXPECTED_STRATEGIES = ("reload", "demultiplex")


@dataclass(frozen=True)
class Check:
    """One promise, and whether it was kept."""

    promise: str
    is_kept: bool
    found: str


def check_mixed(run: records.Run) -> tuple[Check, ...]:
    """The promises for varying batch sizes: one switch, faster afterwards, nothing lost."""
    switches = [switch.strategies for switch in run.switches]
    found = ", ".join(f"{source} → {target}" for source, target in switches) or "none"
    wanted = Check(
        "the policy decided one switch, from reload to demultiplex",
        switches == [_EXPECTED_STRATEGIES],
        found,
    )
    return (*_check_answers(run), wanted, _check_speed(run))


def check_steady(run: records.Run) -> tuple[Check, ...]:
    """The promises for one steady batch size: no switch, nothing lost."""
    none = Check("the policy left the strategy alone", not run.switches, f"{len(run.switches)} switches")
    return (*_check_answers(run), none)


def speedup(run: records.Run) -> float:
    """Samples per second after the switch for each one before; 0 without a switch."""
    stretches = periods.before_and_after(run)
    if stretches is None or not stretches[0].samples_per_s:
        return 0.0
    return stretches[1].samples_per_s / stretches[0].samples_per_s


def failed_requests(run: records.Run) -> int:
    """How many requests were not answered with a result."""
    return sum(not answer.is_ok for answer in run.answers)


def mismatched_samples(run: records.Run) -> int:
    """How many rows were not the expected ones."""
    return sum(answer.mismatched for answer in run.answers)


def _check_answers(run: records.Run) -> tuple[Check, ...]:
    failed, mismatched = failed_requests(run), mismatched_samples(run)
    return (
        Check("there were answers", bool(run.answers), f"{len(run.answers)} requests"),
        Check("no request failed", failed == 0, f"{failed} failed"),
        Check("every sample's answer is the expected one", mismatched == 0, f"{mismatched} differ"),
    )


def _check_speed(run: records.Run) -> Check:
    ratio = speedup(run)
    return Check(
        "the same clients are faster afterwards", ratio > 1.0, f"{ratio:.2f} times the samples/s"
    )
